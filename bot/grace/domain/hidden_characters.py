"""Characters that are drawn as nothing, or that change how others are drawn."""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

_SUSPECT = re.compile(r"[^\n\t -~]")
# Drawn as nothing, though their category is a letter's, a mark's or a symbol's.
_FILLERS: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
)
_EMOJI_STYLE: Final = "\ufe0f"
_JOINER: Final = "\u200d"
_TONES: Final = ("\U0001f3fb", "\U0001f3ff")
_SELECTORS: Final = (("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef"))


class Unseen(StrEnum):
    """What is wrong with a character."""

    CONTROL = "control"
    INVISIBLE = "invisible"


def unseen(text: str) -> Iterator[tuple[int, Unseen]]:
    """Yield where a text has characters that nobody sees, in order.

    The joiners and selectors that emoji are made of stay where a picture carries them.
    """
    before, last = "", -1
    for match in _SUSPECT.finditer(text):
        at = match.start()
        if at != last + 1:
            before = text[at - 1]
        wrong = _wrong(text[at], before, text[at + 1 : at + 2])
        if wrong is not None:
            yield at, wrong
        before = before if wrong is not None and not text[at].isspace() else text[at]
        last = at


def visible(text: str) -> str:
    """Return a text without the characters that `unseen` finds; what separates stays a space."""
    kept: list[str] = []
    done = 0
    for at, _ in unseen(text):
        kept += (text[done:at], " " if text[at].isspace() else "")
        done = at + 1
    return "".join((*kept, text[done:]))


def named(chars: str) -> str:
    """Write invisible characters so that they can be read: tags as the letters they stand for."""
    letters = [chr(ord(c) - 0xE0000) for c in chars if "\U000e0020" <= c <= "\U000e007e"]
    return "".join(letters) or " ".join(f"U+{ord(c):04X}" for c in chars)


def _wrong(char: str, before: str, after: str) -> Unseen | None:
    category = unicodedata.category(char)
    if category in {"Cc", "Zl", "Zp"}:
        return Unseen.CONTROL
    if char == _JOINER:
        joins = (_pictured(before) or before == _EMOJI_STYLE) and _pictured(after)
        return None if joins else Unseen.INVISIBLE
    if char == _EMOJI_STYLE:
        return None if _pictured(before) else Unseen.INVISIBLE
    selects = any(first <= char <= last for first, last in _SELECTORS)
    hidden = category in {"Cf", "Co", "Cn", "Cs"} or char in _FILLERS or selects
    return Unseen.INVISIBLE if hidden else None


def _pictured(char: str) -> bool:
    if not char or char in _FILLERS:
        return False
    return unicodedata.category(char) == "So" or _TONES[0] <= char <= _TONES[1]
