"""What releases of a distribution there are: in a folder of wheels, or at a package index.

Index: the Simple Repository API, as JSON (PEP 691) or HTML (PEP 503), with digests (PEP 714).
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urldefrag

import httpx
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from grace.agents.judge import AgentError

_ACCEPT: Final = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
_TIMEOUT_S: Final = 30.0
_DIGEST: Final = re.compile(r"sha256=([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a release; `digest` is `sha256:` and 64 digits, empty where nobody says it."""

    name: str
    version: Version
    digest: str = ""
    python: str = ""
    yanked: bool = False


@dataclass(frozen=True, slots=True)
class Releases:
    """The versions that can be installed, and the digests of the files of each."""

    files: dict[Version, tuple[File, ...]]

    @classmethod
    def of(cls, files: Iterator[File], python: str) -> "Releases":
        """Keep what is not withdrawn and runs on a version of Python."""
        found: dict[Version, list[File]] = defaultdict(list)
        for file in files:
            if not file.yanked and _runs_on(file.python, python):
                found[file.version].append(file)
        return cls({version: tuple(each) for version, each in found.items()})

    def versions(self) -> list[Version]:
        """List finished versions, or the unfinished where there are no others; newest first."""
        finished = [version for version in self.files if not version.is_prerelease]
        return sorted(finished or self.files, reverse=True)

    def digests(self, version: Version) -> tuple[str, ...]:
        """List the digests of a version's files; empty where one of them has none."""
        digests = {file.digest for file in self.files.get(version, ())}
        return () if "" in digests else tuple(sorted(digests))


def in_folder(folder: Path, name: str) -> Iterator[File]:
    """List the files of a distribution in a folder of wheels and source archives."""
    for path in sorted(folder.iterdir()):
        named = _parsed(path.name)
        if named is not None and named[0] == name and path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            yield File(path.name, named[1], f"sha256:{digest}")


def at_index(url: str, name: str) -> Iterator[File]:
    """Ask a package index for a distribution's files; `AgentError` where it does not answer."""
    page = f"{url.rstrip('/')}/{name}/"
    try:
        answer = httpx.get(
            page, headers={"Accept": _ACCEPT}, timeout=_TIMEOUT_S, follow_redirects=True
        )
    except httpx.HTTPError as error:
        raise AgentError(f"The package index does not answer: {type(error).__name__}.") from error
    if answer.status_code != httpx.codes.OK:
        raise AgentError(f"The package index answers {answer.status_code} for {name}.")
    if "json" in answer.headers.get("content-type", ""):
        yield from _from_json(answer.json(), name)
    else:
        yield from _from_html(answer.text, name)


def _from_json(told: Any, name: str) -> Iterator[File]:
    for file in told.get("files", ()):
        named = _parsed(file["filename"])
        if named is not None and named[0] == name:
            digest = file.get("hashes", {}).get("sha256", "")
            yield File(
                file["filename"],
                named[1],
                f"sha256:{digest}" if digest else "",
                file.get("requires-python") or "",
                bool(file.get("yanked")),
            )


def _from_html(page: str, name: str) -> Iterator[File]:
    reader = _Links()
    reader.feed(page)
    for link in reader.found:
        address, fragment = urldefrag(link.get("href") or "")
        named = _parsed(unquote(address.rsplit("/", 1)[-1]))
        if named is None or named[0] != name:
            continue
        digest = _DIGEST.search(fragment)
        yield File(
            address,
            named[1],
            f"sha256:{digest[1]}" if digest else "",
            link.get("data-requires-python") or "",
            "data-yanked" in link,
        )


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


def _parsed(filename: str) -> tuple[str, Version] | None:
    """Read name and version of a wheel or a source archive."""
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return canonicalize_name(name), version


def _runs_on(required: str, python: str) -> bool:
    try:
        return not required or SpecifierSet(required).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True
