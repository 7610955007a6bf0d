"""The security scan of a commit, compared with that of its base."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

from grace.ci import sarif, sarif_log
from grace.ci.annotations import Level as Shown
from grace.ci.annotations import annotation
from grace.ci.errors import ResultsInvalid
from grace.ci.findings import Finding, Level, Raw, compared
from grace.ci.piece import git
from grace.ci.scanners import SCANNERS, Scanner
from grace.domain.base import Frozen
from grace.domain.results import MAX_FINDINGS, ScanReport
from grace.domain.waivers import Waiver, Waivers

SHOWN = 10
_SHOWN_AS: dict[Level, Shown] = {
    Level.ERROR: "error",
    Level.WARNING: "warning",
    Level.NOTE: "notice",
}


class Hunt(Frozen):
    """What to scan. `base` is a checkout too; `sarif` are files of other scanners about each."""

    head: Path
    base: Path | None = None
    sarif: tuple[Path, ...] = ()
    base_sarif: tuple[Path, ...] = ()
    limit_s: float = 300.0


class Catch(Frozen):
    """What was found: all of it, and the versions of the scanners, by name.

    `waived` maps the fingerprints of findings that are let pass to the waivers that do so.
    """

    findings: tuple[Finding, ...]
    tools: tuple[tuple[str, str], ...]
    base_sha: str | None
    waived: Mapping[str, Waiver] = {}

    def under(self, waivers: Waivers, now: datetime) -> Self:
        """Return it with these waivers applied, at this moment; a report is the same with them."""
        covering = {f.fingerprint: waivers.covering(f.told(), now) for f in self.findings}
        waived = {key: waiver for key, waiver in covering.items() if waiver is not None}
        return self.model_copy(update={"waived": waived})

    def report(self, job: str) -> ScanReport:
        """Return it as a job's results, at most 500 findings of it."""
        return ScanReport(
            job=job,
            tools=tuple(
                (f"{name} {version}".strip() or name)[:200] for name, version in self.tools
            ),
            base_sha=self.base_sha,
            found=len(self.findings),
            new=sum(finding.new for finding in self.findings),
            findings=tuple(finding.told() for finding in self.findings[:MAX_FINDINGS]),
        )

    def log(self) -> dict[str, object]:
        """Return it as a SARIF log."""
        compared = self.base_sha is not None
        return sarif_log.written(self.findings, self.tools, compared=compared, waived=self.waived)

    def at_least(self, level: Level) -> tuple[Finding, ...]:
        """Return the new findings that are this bad or worse and that nobody has waived."""
        return tuple(f for f in self._gating() if f.level.rank >= level.rank)

    def annotations(self) -> Iterator[str]:
        """Yield the new findings as annotations: ten a level, which is all that a step may have.

        What is waived is shown as a notice, with the words of its waiver.
        """
        for level in reversed(Level):
            new = [each for each in self._gating() if each.level is level]
            for each in new[:SHOWN]:
                yield _shown(each, _SHOWN_AS[level], each.message)
            if len(new) > SHOWN:
                yield f"and {len(new) - SHOWN} more of level {level}: see the SARIF file"
        passed = [f for f in self.findings if f.new and f.fingerprint in self.waived]
        for each in passed[:SHOWN]:
            yield _shown(
                each, "notice", f"{_waived(self.waived[each.fingerprint])}: {each.message}"
            )
        if len(passed) > SHOWN:
            yield f"and {len(passed) - SHOWN} more that are waived: see the SARIF file"

    def _gating(self) -> Iterator[Finding]:
        return (f for f in self.findings if f.new and f.fingerprint not in self.waived)


def _shown(finding: Finding, level: Shown, text: str) -> str:
    title = f"{finding.tool} {finding.rule}"
    return annotation(level, text, file=finding.path, line=finding.line, title=title)


def _waived(waiver: Waiver) -> str:
    return f"waived by {waiver.approved_by} through {waiver.expires} ({waiver.reason})"


def hunt(wanted: Hunt, scanners: Sequence[Scanner] = SCANNERS) -> Catch:
    """Scan head and base with every scanner and add what other scanners wrote.

    Raises `ScanFailed` where one fails: a scan that was not made is never clean.
    """
    versions = {scanner.name: scanner.version() for scanner in scanners}
    head = _scan(wanted.head, wanted.sarif, scanners, wanted.limit_s)
    base, base_sha = None, None
    if wanted.base is not None:
        base_sha = git(wanted.base, "rev-parse", "HEAD")
        base = _scan(wanted.base, wanted.base_sarif, scanners, wanted.limit_s)
    elif wanted.base_sarif:
        raise ResultsInvalid("SARIF files of the base were given without a checkout of it")
    others = sorted({raw.tool for raw in head} - set(versions))
    tools = (*versions.items(), *((name, "") for name in others))
    return Catch(findings=compared(head, base), tools=tools, base_sha=base_sha)


@contextmanager
def exported(checkout: Path) -> Iterator[Path]:
    """Yield a folder with the files of HEAD alone: nothing untracked, no link, no attribute heeded.

    `git archive` would leave out what a change marks `export-ignore`.
    """
    with tempfile.TemporaryDirectory() as folder:
        place, index = Path(folder) / "files", Path(folder) / "index"
        place.mkdir()
        env = {**os.environ, "GIT_INDEX_FILE": str(index), "GIT_CONFIG_GLOBAL": os.devnull}
        git(checkout, "read-tree", "HEAD", env=env)
        plain = ("-c", "core.symlinks=false", "-c", "core.autocrlf=false")
        git(checkout, *plain, "checkout-index", "--all", f"--prefix={place}/", env=env)
        yield place


def _scan(
    checkout: Path, more: Sequence[Path], scanners: Sequence[Scanner], limit_s: float
) -> tuple[Raw, ...]:
    with exported(checkout) as place:
        found = [raw for scanner in scanners for raw in scanner.scan(place, limit_s)]
    return (*_once(found), *(raw for file in more for raw in _others(file, checkout)))


def _once(found: Sequence[Raw]) -> Iterator[Raw]:
    """Leave out what our own rules say where another scanner says it of that line, as badly."""
    said = {(raw.path, raw.line, raw.about.cwe, raw.level) for raw in found if raw.tool != "grace"}
    for raw in found:
        worse = [level for level in Level if level.rank >= raw.level.rank]
        places = {(raw.path, raw.line, raw.about.cwe, level) for level in worse}
        if raw.tool != "grace" or not places & said:
            yield raw


def _others(file: Path, checkout: Path) -> tuple[Raw, ...]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ResultsInvalid(f"no SARIF file at {file.name}: {error.strerror}") from error
    return sarif.read(data, checkout, name=file.name)
