"""Find where a repository declares a dependency, and change its version there, line by line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

_MAX_BYTES: Final = 5_000_000
_FILES: Final = (
    *("requirements*.txt", "requirements*.lock", "requirements*.in"),
    *("requirements/*.txt", "requirements/*.in", "constraints*.txt", "pyproject.toml"),
)
# A requirement up to its hashes, a continued line or a comment.
_LISTED: Final = re.compile(r"(?P<what>[A-Za-z0-9].*?)\s*(?:\\?$|\s#.*|\s--hash.*)")
_QUOTED: Final = re.compile(r"""(?P<q>["'])(?P<what>[A-Za-z0-9][^"']*)(?P=q)""")
_HASH: Final = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_PARTS: Final = re.compile(
    r"(?P<head>[A-Za-z0-9][\w.-]*(?:\s*\[[^]]*\])?)(?P<spec>[^;]*?)(?P<tail>\s*;.*)?$"
)
# The tables of a pyproject.toml whose strings are requirements, and the arrays of [project].
_TABLES: Final = frozenset({"project.optional-dependencies", "dependency-groups"})
_BUILD: Final = "build-system"


@dataclass(frozen=True, slots=True)
class Declared:
    """One place that declares a dependency: a text in a line of a file, and the lines to `last`.

    Lines and columns count from 0; `indent` is what stands before a hash.
    """

    file: str
    line: int
    last: int
    start: int
    text: str
    requirement: Requirement
    hashes: tuple[str, ...] = ()
    indent: str = "    "

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def pin(self) -> Version | None:
        """Return the one version that it allows, where it is a pin."""
        specs = list(self.requirement.specifier)
        is_pin = len(specs) == 1 and specs[0].operator in {"==", "==="}
        return Version(specs[0].version) if is_pin and "*" not in specs[0].version else None


def declared_in(root: Path) -> tuple[Declared, ...]:
    """List all that the requirement files and the pyproject.toml of a checkout declare."""
    found: list[Declared] = []
    for path in sorted({path for glob in _FILES for path in root.glob(glob)}):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
            continue
        reader = _in_project if path.name == "pyproject.toml" else _in_list
        found += reader(str(path.relative_to(root)), _lines(path))
    return tuple(found)


def edit(
    root: Path,
    places: Sequence[Declared],
    chosen: Version,
    needed: SpecifierSet,
    hashes: Sequence[str],
) -> None:
    """Let every place allow the chosen version: a pin is moved, a range is narrowed or moved."""
    for file in dict.fromkeys(place.file for place in places):
        lines = _lines(root / file)
        here = [place for place in places if place.file == file]
        for place in sorted(here, key=lambda p: (-p.line, -p.start)):
            _edit_one(lines, place, _specifier(place, chosen, needed), hashes)
        text = "\n".join(lines)
        (root / file).write_text(text, "utf-8", errors="surrogateescape", newline="")


def _edit_one(lines: list[str], place: Declared, spec: str, hashes: Sequence[str]) -> None:
    parts = _PARTS.match(place.text)
    assert parts is not None
    text = f"{parts['head'].rstrip()}{spec}{parts['tail'] or ''}"
    line = lines[place.line]
    before, after = line[: place.start], line[place.start + len(place.text) :]
    if not place.hashes:
        lines[place.line] = f"{before}{text}{after}"
        return
    joint = f" \\\n{place.indent}"
    whole = joint.join((f"{before}{text}", *(f"--hash={each}" for each in hashes)))
    lines[place.line : place.last + 1] = whole.split("\n")


def _specifier(place: Declared, chosen: Version, needed: SpecifierSet) -> str:
    """Write what the place is to allow: a pin, both what it allowed and the need, or the need."""
    if place.pin is not None:
        return f"=={chosen}"
    both = place.requirement.specifier & needed
    told = both if both.contains(chosen, prereleases=True) else needed
    return ",".join(sorted(map(str, told), key=lambda s: (s[0] not in ">~=", s)))


def _lines(path: Path) -> list[str]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read().split("\n")


def _in_list(file: str, lines: Sequence[str]) -> Iterator[Declared]:
    """Read pip's own format, with hashes on lines that go on."""
    number = 0
    while number < len(lines):
        last = number
        while lines[last].rstrip().endswith("\\") and last + 1 < len(lines):
            last += 1
        match = _LISTED.match(lines[number])
        requirement = None if match is None else _parsed(match["what"])
        if match is not None and requirement is not None:
            more = lines[number : last + 1]
            indent = "" if last == number else re.match(r"\s*", lines[number + 1])[0]  # type: ignore[index]
            yield Declared(
                file=file,
                line=number,
                last=last,
                start=match.start("what"),
                text=match["what"],
                requirement=requirement,
                hashes=tuple(found for line in more for found in _HASH.findall(line)),
                indent=indent or "    ",
            )
        number = last + 1


def _in_project(file: str, lines: Sequence[str]) -> Iterator[Declared]:
    """Read the arrays of requirements in a pyproject.toml, by their lines."""
    table, is_open = "", False
    for number, line in enumerate(lines):
        if line.startswith("["):
            table, is_open = line.strip().strip("[]").strip(), False
            continue
        key, equals, value = line.partition("=")
        opens = bool(equals) and value.lstrip().startswith("[")
        if opens:
            is_open = table in _TABLES or (table, key.strip()) in {
                ("project", "dependencies"),
                (_BUILD, "requires"),
            }
        if is_open:
            start = line.index("[") if opens else 0
            yield from _quoted(file, number, line, start)
            is_open = not line.split("#", maxsplit=1)[0].rstrip().endswith("]")


def _quoted(file: str, number: int, line: str, start: int) -> Iterator[Declared]:
    for match in _QUOTED.finditer(line, start):
        requirement = _parsed(match["what"])
        if requirement is not None:
            place = (number, number, match.start("what"))
            yield Declared(file, *place, text=match["what"], requirement=requirement)


def _parsed(text: str) -> Requirement | None:
    try:
        found = Requirement(text)
    except InvalidRequirement:
        return None
    return None if found.url is not None else found
