"""Pinned releases with their hashes, from a lock file or a package index.

Indexes by PEP 503, 691 (JSON), 658 (metadata) and 700 (times of upload).
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.python_checkout import required_in
from grace.runner.actions.service_target import remaining, setting

_SIMPLE = "application/vnd.pypi.simple.v1+json"
_MOST_BYTES = 40_000_000
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Release:
    """One release: SHA-256 of each of its files, and what it needs itself."""

    name: str
    version: str
    hashes: tuple[str, ...]
    requires: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class _File:
    version: Version
    sha256: str
    uploaded: datetime | None
    yanked: bool
    python: str
    url: str
    metadata: bool


def locked(path: Path, name: str) -> Release | None:
    """Find a release that a lock file pins with hashes: pip's format, uv's or poetry's."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ActionFailed(f"the lock file cannot be read: {type(error).__name__}") from error
    if path.suffix == ".lock" and "[[package]]" in text:
        return _locked_toml(text, name)
    lines = text.splitlines(keepends=True)
    found = required_in(lines)
    for place, each in enumerate(found):
        if each.name == canonicalize_name(name) and each.pin is not None:
            end = found[place + 1].line if place + 1 < len(found) else len(lines)
            hashes = tuple(_HASH.findall("".join(lines[each.line : end])))
            return Release(name, each.pin, hashes)
    return None


def _locked_toml(text: str, name: str) -> Release | None:
    try:
        packages = tomllib.loads(text).get("package", [])
    except tomllib.TOMLDecodeError as error:
        raise ActionFailed("the lock file is no TOML") from error
    for package in packages:
        if canonicalize_name(str(package.get("name", ""))) == canonicalize_name(name):
            sdist = package.get("sdist")
            listed = [
                *package.get("files", []),
                *package.get("wheels", []),
                *([sdist] if isinstance(sdist, dict) else []),
            ]
            hashes = [str(each.get("hash", "")).removeprefix("sha256:") for each in listed]
            return Release(name, str(package.get("version")), tuple(h for h in hashes if h))
    return None


class Index:
    """The target's `index_url`: the root of a simple index, such as `https://pypi.org/simple`."""

    def __init__(self, situation: Situation, now: datetime | None = None) -> None:
        self._situation = situation
        self._root = setting(situation, "index_url").rstrip("/")
        self._python = setting(situation, "python_version", "")
        self._now = now or datetime.now(UTC)

    def newest(self, name: str, allowed: SpecifierSet, min_age_days: float) -> Release:
        """Take the newest release that is final, not yanked, old enough and fits `allowed`."""
        youngest = self._now - timedelta(days=min_age_days)
        files = [
            file
            for file in self._files(name)
            if not file.yanked
            and not file.version.is_prerelease
            and file.version in allowed
            and file.uploaded is not None
            and file.uploaded <= youngest
            and self._runs(file.python)
        ]
        if not files:
            raise ActionFailed(
                f"the index has no release of {name} that is final, older than "
                f"{min_age_days:g} days and not yanked: pin one by hand"
            )
        return self._release(name, max(file.version for file in files))

    def exact(self, name: str, version: str) -> Release:
        """Take one release, whatever its age."""
        return self._release(name, Version(version))

    def _release(self, name: str, version: Version) -> Release:
        files = [file for file in self._files(name) if file.version == version]
        hashes = tuple(sorted({file.sha256 for file in files}))
        if not hashes:
            raise ActionFailed(f"the index has no file of {name} {version} with a hash")
        described = next((file for file in files if file.metadata), None)
        requires = () if described is None else self._requires(described.url)
        return Release(name, str(version), hashes, requires)

    def _requires(self, url: str) -> tuple[Requirement, ...]:
        headers = HeaderParser().parsestr(self._get(f"{url}.metadata").decode("utf-8", "replace"))
        environment = {"extra": ""}
        if self._python:
            environment |= {"python_version": ".".join(self._python.split(".")[:2])}
        found: list[Requirement] = []
        for line in headers.get_all("Requires-Dist", []):
            try:
                read = Requirement(line)
            except InvalidRequirement:
                continue
            if read.marker is None or read.marker.evaluate(environment):
                found.append(read)
        return tuple(found)

    def _runs(self, python: str) -> bool:
        try:
            return not self._python or Version(self._python) in SpecifierSet(python)
        except InvalidSpecifier:
            return False

    def _files(self, name: str) -> Sequence[_File]:
        url = f"{self._root}/{canonicalize_name(name)}/"
        try:
            page = json.loads(self._get(url))
        except ValueError as error:
            raise ActionFailed("the package index does not speak JSON (PEP 691)") from error
        return [file for each in page.get("files", []) if (file := _file(each, url)) is not None]

    def _get(self, url: str) -> bytes:
        timeout = remaining(self._situation)
        try:
            with (
                httpx.Client(timeout=timeout, trust_env=False) as client,
                client.stream("GET", url, headers={"Accept": _SIMPLE}) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise ActionFailed(
                        f"the package index answered {response.status_code}: nothing is taken from "
                        "elsewhere"
                    )
                body = b""
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > _MOST_BYTES:
                        raise ActionFailed("the package index answered too much")
                return body
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ActionFailed(
                f"the package index cannot be reached ({type(error).__name__}), and without it no "
                "release can be pinned with its hashes"
            ) from error


def _file(each: Mapping[str, Any], page: str) -> _File | None:
    """Read one file of an index; None for what is no wheel or sdist, or has no SHA-256."""
    filename = str(each.get("filename", ""))
    try:
        if filename.endswith(".whl"):
            version = parse_wheel_filename(filename)[1]
        else:
            version = parse_sdist_filename(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
    sha256 = str((each.get("hashes") or {}).get("sha256", ""))
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        return None
    when = each.get("upload-time")
    return _File(
        version=version,
        sha256=sha256,
        uploaded=datetime.fromisoformat(when) if isinstance(when, str) else None,
        yanked=bool(each.get("yanked")),
        python=str(each.get("requires-python") or ""),
        url=urljoin(page, str(each.get("url", ""))),
        metadata=bool(each.get("core-metadata") or each.get("data-dist-info-metadata")),
    )
