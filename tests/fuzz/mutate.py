"""Bad input made of good input: bytes, cells and trees, changed by a generator of chance."""

import copy
import datetime as dt
import math
import random
from typing import Any, Final

TOKENS: Final = (
    "NaN", "inf", "-inf", "-1", "0", "1e308", "1e400", "9" * 40, "-0.0", "1,5", "１２", "0x10",
    "", " ", "NA", "None", "true", "\x00", "\ufeff", "\u202e", "\ud7ff", "，", "。", '"', "'", ",",
    ";", "\t", "\r", "\n", "\r\n", "=cmd()", "+1", "@x", "24:00", "2026-02-30", "2026-02-28T25:00",
    "0001-01-01T00:00", "9999-12-31T23:00", "99999-01-01T00:00", "1677-01-01T00:00",
    "2262-05-01T00:00", "2026-01-01T05:30:00.000000001", "2026-01-01T05:00+99:99", "../../etc",
    "x" * 300, "😀", "<a>&b;", "%s%n", "{0}", "[ug/m3]",
)  # fmt: skip
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 10**30, 1e308, math.nan, math.inf, -math.inf, "", " ", "x" * 300,
    "\x00", "2026-02-30", "../../etc", "null", [], {}, [1, 2], {"a": 1}, [[]], [None], "1", "1.5",
    dt.date(2026, 2, 28), dt.datetime(1, 1, 1), "😀", {"": ""}, {1: 2}, 2**63, -(2**63) - 1,
    "9999-12-31", 3.5, ["a", "a"],
)  # fmt: skip


def raw(content: bytes, chance: random.Random) -> bytes:
    """Bytes changed, left out, repeated, moved, put in, or the end missing."""
    out = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4])):
        size = len(out)
        at = chance.randrange(size + 1)
        end = min(size, at + chance.choice([1, 1, 4, 40]))
        match chance.randrange(6):
            case 0 if size:
                out[chance.randrange(size)] ^= 1 << chance.randrange(8)
            case 1:
                del out[at:end]
            case 2:
                out[at:at] = out[at:end] * chance.choice([1, 2, 20])
            case 3:
                out[at:at] = chance.choice(TOKENS).encode("utf-8", "surrogatepass")
            case 4:
                del out[chance.randrange(size + 1) :]
            case _:
                lines = bytes(out).split(b"\n")
                chance.shuffle(lines)
                out = bytearray(b"\n".join(lines))
    return bytes(out)


def cells(text: str, chance: random.Random) -> str:
    """A CSV with cells replaced, rows and columns left out, repeated or moved."""
    rows = [line.split(",") for line in text.rstrip("\n").split("\n")]
    for _ in range(chance.choice([1, 1, 2, 5])):
        row = chance.choice(rows)
        match chance.randrange(8):
            case 0 | 1 | 2 | 3:
                row[chance.randrange(len(row))] = chance.choice(TOKENS)
            case 4:
                rows.insert(chance.randrange(len(rows)), list(row))
            case 5 if len(rows) > 1:
                rows.remove(row)
            case 6:
                column = chance.randrange(len(row))
                word = chance.choice(TOKENS)
                for other in rows[1:]:
                    if column < len(other):
                        other[column] = word
            case _:
                column = chance.randrange(len(row))
                rows = [r[:column] + r[column + 1 :] or [""] for r in rows]
    return "\n".join(",".join(r) for r in rows) + "\n"


def tree(data: Any, chance: random.Random) -> Any:
    """A structure of dicts and lists with one to four places changed; the given one stays."""
    root = [copy.deepcopy(data)]
    for _ in range(chance.choice([1, 1, 2, 4])):
        holder: Any = root
        key: Any = 0
        while chance.random() < 0.85 and isinstance(holder[key], dict | list) and holder[key]:
            holder = holder[key]
            keys = list(holder) if isinstance(holder, dict) else range(len(holder))
            key = chance.choice(list(keys))
        _changed(holder, key, chance)
    return root[0]


def _changed(holder: Any, key: Any, chance: random.Random) -> None:
    value = holder[key]
    match chance.randrange(6):
        case 0 if not (isinstance(holder, list) and len(holder) == 1):
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[chance.choice(["extra", "", "０", key])] = chance.choice(VALUES)
        case 2 if isinstance(value, int | float) and not isinstance(value, bool):
            factors = [-1, 0, 1e9, 1e-9, 0.5, 2]
            changed = value * chance.choice(factors)
            holder[key] = int(changed) if isinstance(value, int) and abs(changed) < 1e9 else changed
        case 3:
            holder[key] = [value]
        case 4 if isinstance(value, str):
            holder[key] = raw(value.encode(), chance).decode("utf-8", "replace")
        case _:
            holder[key] = chance.choice(VALUES)
