"""The unified social credit code of an enterprise and its check character (GB 32100-2015)."""

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I O S V Z
_WEIGHTS: Final = tuple(pow(3, i, 31) for i in range(17))


def check_character(body: str) -> str:
    """The 18th character of a code's first 17.

    Raises:
        ValueError: Not 17 characters of the code's alphabet.
    """
    if len(body) != len(_WEIGHTS) or not set(body) <= set(ALPHABET):
        raise ValueError(f"{body!r}: not 17 characters of {ALPHABET}")
    total = sum(w * ALPHABET.index(c) for w, c in zip(_WEIGHTS, body, strict=True))
    return ALPHABET[-total % 31]


def is_valid(code: object) -> bool:
    """True for 18 characters of the alphabet whose last is the check character."""
    if not isinstance(code, str) or len(code) != 18 or not set(code) <= set(ALPHABET):
        return False
    return check_character(code[:17]) == code[17]
