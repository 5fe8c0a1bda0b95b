"""Passwords: what is accepted, how it is kept (argon2id), how it is checked."""

import threading
import unicodedata
from functools import lru_cache
from typing import Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from forecast.problems import DataError, Problem

SHORTEST: Final = 12
LONGEST: Final = 128
# Parts that make a long password guessable: the house's own words and the usual beginnings.
BLOCKED: Final = (
    "password", "passw0rd", "lantian", "蓝天", "jiaozuo", "焦作", "123456", "654321", "111111",
    "000000", "888888", "qwerty", "asdfgh", "abcdef", "admin", "letmein", "woaini", "5201314",
    "huanbao", "iloveyou", "welcome",
)  # fmt: skip


# Each check takes 64 MB and a processor for a third of a second: the others wait.
_AT_ONCE: Final = threading.BoundedSemaphore(2)


def checked(password: str, *, name: str) -> str:
    """The password in the spelling that is hashed (NFKC).

    Raises:
        DataError: Everything the policy finds wrong with it; never the password itself.
    """
    text = unicodedata.normalize("NFKC", password)
    folded = text.casefold()
    problems = []
    if not SHORTEST <= len(text) <= LONGEST:
        expected = f"{SHORTEST} to {LONGEST} characters"
        problems.append(Problem("password", f"{len(text)} characters", expected))
    if len(set(folded)) < 6:
        problems.append(Problem("password", "few different characters", "6 or more"))
    if any(part in folded for part in (*BLOCKED, name.casefold()) if part):
        problems.append(Problem("password", "a word that is tried first", "words of your own"))
    if problems:
        raise DataError(problems)
    return text


def hashed(password: str) -> str:
    """Argon2id of a checked password, with its own salt."""
    return _hasher().hash(password)


def verified(password: str, kept: str | None) -> bool:
    """Whether a password is the one that is kept; as slow for an account that is not there."""
    text = unicodedata.normalize("NFKC", password[: LONGEST * 4])
    with _AT_ONCE:
        found = _hasher().verify(text, kept or _nobody())
    return found and kept is not None


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(),))


@lru_cache(maxsize=1)
def _nobody() -> str:
    return hashed("no account has this password")
