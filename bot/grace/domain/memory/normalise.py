"""Words, made so that two tellings of one problem share them; what differs by chance is left out.

Times, addresses, hexadecimal, long numbers, UUIDs and the folders of absolute paths go. A name in
camelCase or snake_case stays whole and is also split, so that it is found by its parts. Case and
accents go. There is no stemming: on the development half of the benchmark it found nothing more.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

MAX_TEXT: Final = 60_000
MAX_TERM: Final = 60
MAX_TRACE: Final = 40

_CHANCE: Final = re.compile(
    r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?)?"
    r"|\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?"
    r"|\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"
    r"|\b0[xX][0-9a-fA-F]{1,40}\b"
    r"|\b(?=[a-f]*\d)[0-9a-f]{8,64}\b"
    # An address has a port, or begins as those of private networks do; else it is a version.
    r"|\b\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}\b"
    r"|\b(?:10|127|169|172|192)(?:\.\d{1,3}){3}\b"
)
_ROOTED: Final = re.compile(r"(?<![\w.:/\\-])(?:[A-Za-z]:)?(?:[/\\][\w.+@~-]{1,100}){2,40}")
_WORD: Final = re.compile(r"[^\W\d_]\w*|\d{1,9}(?:\.\d{1,9}){1,4}|\d{1,9}")
_PART: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")
_LONG_NUMBER: Final = 5
_STOP: Final = re.compile(
    r"a|an|and|are|as|at|be|been|but|by|can|could|did|do|does|for|from|had|has|have|how|i|if|in|into"
    r"|is|it|its|may|me|my|no|not|of|on|or|our|should|so|some|such|than|that|the|their|them|then"
    r"|there|these|they|this|to|was|we|were|what|when|where|which|while|who|why|will|with|would"
    r"|you|your"
)

_ERROR: Final = re.compile(
    r"\b(?:[a-zA-Z_][\w]*\.){0,12}([A-Z]\w{0,80}(?:Error|Exception|Fault))\b"
)
# What begins a frame in the traces of Python, Java, JavaScript and Go. Only blanks of its own line
# may stand before it: what may cross lines takes the square of a text of empty lines.
_FRAMES: Final = (
    re.compile(r'^[ \t]*File "([^"\n]{1,400})", line \d+, in ([\w.<>]{1,200})', re.MULTILINE),
    re.compile(
        r"^[ \t]*at (?:(?:async|new) )?([\w.$<>/]{1,300})(?: \[as [\w$]{1,80}\])?\(?[^\n]{0,400}$",
        re.MULTILINE,
    ),
    re.compile(
        r"^[ \t]*([\w.-]{1,200}(?:/[\w.-]{1,80}){0,12}\.\(?\*?\w{1,80}\)?[\w.]*)\(.{0,300}\)$",
        re.MULTILINE,
    ),
)


def scrub(text: str) -> str:
    """Take out what differs by chance between two tellings; the first 60,000 characters alone."""
    bounded = text[:MAX_TEXT]
    return _ROOTED.sub(lambda found: f" {_last(found[0])} ", _CHANCE.sub(" ", bounded))


def terms(text: str) -> tuple[str, ...]:
    """List the terms of a text in its order, repeated as often as they stand there.

    A term has the letters, digits and underscores of its alphabet and nothing else, so that a full
    text index that splits at spaces keeps it as it is.
    """
    return tuple(_terms(scrub(text)))


def _terms(text: str) -> Iterator[str]:
    for found in _WORD.finditer(_plain(text)):
        word = found[0]
        if word[0].isdigit():
            if "." in word or len(word) < _LONG_NUMBER:
                yield word.replace(".", "_")
            continue
        whole = word.casefold()[:MAX_TERM]
        if len(whole) > 1 and not _STOP.fullmatch(whole):
            yield whole
        parts = [part for piece in word.split("_") for part in _PART.findall(piece)]
        if len(parts) > 1:
            folded = (part.casefold()[:MAX_TERM] for part in parts)
            yield from (part for part in folded if len(part) > 1 and not _STOP.fullmatch(part))


def _plain(text: str) -> str:
    """Take accents off."""
    if text.isascii():
        return text
    spread = unicodedata.normalize("NFKD", text)
    return "".join(c for c in spread if not unicodedata.combining(c))


def _last(path: str) -> str:
    """Keep the last folder and the file of a path."""
    return " ".join(re.split(r"[/\\]", path)[-2:])


def errors_in(text: str) -> tuple[str, ...]:
    """List the types of errors that a text names, the last of a chain first, each once.

    The last one is what a Python traceback ends with, and what a Java trace was caused by.
    """
    found = [match[1] for match in _ERROR.finditer(text[:MAX_TEXT])]
    return tuple(dict.fromkeys(reversed(found)))


def trace_of(text: str) -> tuple[str, ...]:
    """Read the frames of stack traces: functions with their module, without places and numbers.

    At most 40, the innermost first. Repeated frames count once.
    """
    bounded = text[:MAX_TEXT]
    python = [f"{_module(file)}.{name}" for file, name in _FRAMES[0].findall(bounded)]
    others = [frame for pattern in _FRAMES[1:] for frame in pattern.findall(bounded)]
    frames = [_frame(frame) for frame in (*reversed(python), *others)]
    return tuple(dict.fromkeys(frame for frame in frames if frame))[:MAX_TRACE]


def _module(file: str) -> str:
    return re.split(r"[/\\]", file)[-1].removesuffix(".py")


def _frame(frame: str) -> str:
    """Leave the last three names of a frame: a class moves between packages, seldom its method."""
    names = re.findall(r"[^\W\d]\w*", re.sub(r"\$\d+|<[^>]*>|0x[0-9a-f]+", " ", frame))
    return ".".join(names[-3:])[:200]


def distinct(values: Sequence[str], most: int) -> tuple[str, ...]:
    """Keep the first of equal values, and so many of them."""
    return tuple(dict.fromkeys(values))[:most]
