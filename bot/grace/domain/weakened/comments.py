"""Tell a source file's comments from its code, for languages that nobody parses here.

One regular expression a family of languages, each alternative bounded to what it begins with, so
that the time grows with the length of the text and no faster.
"""

import re
from dataclasses import dataclass
from typing import Final

_STRING: Final = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_SLASHES: Final = re.compile(
    rf"(?P<comment>//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z))|`(?:\\.|[^`\\])*`|{_STRING}", re.DOTALL
)
_HASHES: Final = re.compile(rf"(?P<comment>(?<![\w$&{{])#[^\n]*)|{_STRING}")
_PYTHON: Final = re.compile(
    r"(?P<comment>#[^\n]*)|\"\"\"(?:\\.|[^\\])*?(?:\"\"\"|\Z)|'''(?:\\.|[^\\])*?(?:'''|\Z)|"
    + _STRING,
    re.DOTALL,
)
_BOTH: Final = re.compile(
    rf"(?P<comment>//[^\n]*|(?<!\w)#(?!\[)[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z))|{_STRING}",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Split:
    """A text line by line: its code without comments, its comments alone, and bare code.

    Bare code has no text between quotes.
    """

    code: tuple[str, ...]
    bare: tuple[str, ...]
    comments: tuple[str, ...]


def split(text: str, suffix: str) -> Split:
    """Split a text by the comments of its language."""
    code: list[str] = []
    bare: list[str] = []
    comments: list[str] = []
    at = 0
    for match in _pattern(suffix).finditer(text):
        before, token = text[at : match.start()], match[0]
        is_comment = match["comment"] is not None
        code += (before, _breaks(token) if is_comment else token)
        bare += (before, _breaks(token))
        comments += (_breaks(before), token if is_comment else _breaks(token))
        at = match.end()
    rest = text[at:]
    return Split(_lines(code, rest), _lines(bare, rest), _lines(comments, _breaks(rest)))


def _lines(parts: list[str], rest: str) -> tuple[str, ...]:
    return tuple("".join((*parts, rest)).split("\n"))


def _breaks(text: str) -> str:
    return "\n" * text.count("\n")


def _pattern(suffix: str) -> re.Pattern[str]:
    match suffix:
        case "py" | "pyi":
            return _PYTHON
        case "rb" | "sh" | "bash" | "bats" | "ex" | "exs" | "yml" | "yaml" | "feature" | "toml":
            return _HASHES
        case "php":
            return _BOTH
        case _:
            return _SLASHES
