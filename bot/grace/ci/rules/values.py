"""What is known of a value while code is read: where it came from and what it can do harm to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Final


def each_of(words: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(words.split())


class Danger(StrEnum):
    """What a value can do harm to, where nothing has taken the harm out of it."""

    COMMAND = "command"
    CODE = "code"
    SQL = "sql"
    PATH = "path"
    FETCH = "fetch"
    REDIRECT = "redirect"
    MARKUP = "markup"
    HEADER = "header"
    LOG = "log"
    LDAP = "ldap"
    XPATH = "xpath"
    REGEX = "regex"
    TEMPLATE = "template"
    OBJECT = "object"
    NOSQL = "nosql"
    XML = "xml"
    SIZE = "size"
    EXPOSED = "exposed"


class Source(IntEnum):
    """Who decides a value: nobody else, the caller, who runs the program, or a stranger."""

    NOBODY = 0
    CALLER = 1
    OPERATOR = 2
    STRANGER = 3


Dangers = frozenset[Danger]
NONE: Final[Dangers] = frozenset()
ALL: Final[Dangers] = frozenset(Danger)
OF_STRANGERS: Final[Dangers] = frozenset(Danger) - {Danger.EXPOSED, Danger.SIZE}
# Who runs a program names its files and hosts, and may: only what is run or queried counts.
OF_OPERATORS: Final[Dangers] = frozenset(
    {
        Danger.COMMAND,
        Danger.CODE,
        Danger.SQL,
        Danger.LDAP,
        Danger.XPATH,
        Danger.TEMPLATE,
        Danger.OBJECT,
        Danger.NOSQL,
    }
)
# A caller may be anybody: it counts only where text is put together for a language to read.
OF_CALLERS: Final[Dangers] = frozenset({Danger.SQL, Danger.LDAP, Danger.XPATH, Danger.NOSQL})
_HOST_FIXED = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#{}\s]+/", re.IGNORECASE)
_SITE_FIXED = re.compile(r"/[^/\\]")


@dataclass(frozen=True, slots=True)
class Value:
    """One value. `name` is the dotted name of what made it, with `()` for a call's result.

    `text`: its literal text, or how it begins. `fixed`: made of literals alone. `built`: put
    together from text and something else. `said` and `line`: the source, for people. `root`: the
    variable that it only looks at. `upload`: a file name that came with an upload.
    """

    dangers: Dangers = NONE
    source: Source = Source.NOBODY
    name: str = ""
    text: str | None = None
    literal: object = ...
    fixed: bool = False
    built: bool = False
    said: str = ""
    line: int = 0
    root: str = ""
    upload: bool = False

    def without(self, taken: Dangers) -> "Value":
        """Return it with these dangers taken away."""
        left = self.dangers - taken
        return replace(self, dangers=left, source=self.source if left else Source.NOBODY)

    def named(self, name: str) -> "Value":
        """Return what was read from it, under this name."""
        return replace(self, name=name, text=None, literal=..., fixed=False)


def literal(value: object) -> Value:
    """Return a literal's value."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return Value(text=text if isinstance(text, str) else None, literal=value, fixed=True)


def joined(values: Sequence[Value], name: str = "") -> Value:
    """Return a value that may be any of these, or holds them all."""
    if not values:
        return Value(name=name)
    worst = max(values, key=lambda v: (v.source, len(v.dangers)))
    same = all(v == values[0] for v in values)
    return Value(
        dangers=frozenset().union(*(v.dangers for v in values)),
        source=worst.source,
        name=name or worst.name or values[0].name,
        text=values[0].text if same else None,
        literal=values[0].literal if same else ...,
        fixed=all(v.fixed for v in values),
        built=any(v.built for v in values),
        said=worst.said,
        line=worst.line,
        upload=any(v.upload for v in values),
    )


def combined(parts: Sequence[Value]) -> Value:
    """Return text put together from parts, in this order.

    A literal beginning that fixes the host leaves nothing to be forged in an address; one that
    fixes the site leaves no redirect elsewhere.
    """
    whole = joined(parts)
    begin = ""
    for part in parts:
        if part.text is None:
            break
        begin += part.text
        if not part.fixed:
            break
    built = whole.built or not all(part.fixed for part in parts)
    made = replace(whole, name="", text=begin, literal=..., built=built)
    if whole.fixed:
        return replace(made, literal=begin)
    if _HOST_FIXED.match(begin):
        return made.without(frozenset({Danger.FETCH, Danger.REDIRECT}))
    if _SITE_FIXED.match(begin):
        return made.without(frozenset({Danger.REDIRECT}))
    return made
