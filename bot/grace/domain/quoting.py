"""Undo git's C-style quoting of paths (`core.quotePath`)."""

import re

_ESCAPES = {
    "a": b"\a",
    "b": b"\b",
    "f": b"\f",
    "n": b"\n",
    "r": b"\r",
    "t": b"\t",
    "v": b"\v",
    "\\": b"\\",
    '"': b'"',
}
_QUOTED = re.compile(rb'"((?:[^"\\]|\\[abfnrtv"\\]|\\[0-3][0-7]{2})*)"')
_TOKEN = re.compile(rb'\\([abfnrtv"\\]|[0-3][0-7]{2})')


def split_quoted(text: bytes) -> tuple[bytes, bytes] | None:
    """Return the name that `text` begins with in quotes and the rest; None if malformed."""
    found = _QUOTED.match(text)
    if found is None:
        return None
    return _TOKEN.sub(_plain, found[1]), text[found.end() :]


def _plain(token: re.Match[bytes]) -> bytes:
    escape = token[1].decode()
    return _ESCAPES[escape] if escape in _ESCAPES else bytes([int(escape, 8)])
