"""GitBugs' Hadoop reports and their duplicates, read from a clone; nothing of it is stored here.

https://github.com/av9ash/gitbugs (CC BY 4.0, Patil 2025). What is a duplicate of what is in
`hadoop_bugs-combined.csv`, as pairs; pairs that share a report are one group.
"""

import csv
import io
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from grace.domain.memory.normalise import errors_in, scrub, trace_of
from grace.domain.memory.remembered import Remembered
from grace.domain.memory.signature import signature
from grace.domain.mission import MissionRef
from grace.domain.package import MemoryScope, Symptom
from grace.domain.phase import Outcome, Severity

REF = MissionRef(host="forge.test", repository_id=1, repository="apache/hadoop", installation_id=1)
_START = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Report:
    """One bug report."""

    id: str
    summary: str
    description: str


@dataclass(frozen=True, slots=True)
class Duplicates:
    """All reports, and of each that has any the others that say the same."""

    reports: dict[str, Report]
    same: dict[str, frozenset[str]]

    def half(self, *, odd: bool) -> list[str]:
        """Return the queries of one half: the reports with duplicates and an odd or even number."""
        return sorted(name for name in self.same if (int(name) % 2 == 1) is odd)


def read_hadoop(clone: Path) -> Duplicates:
    """Read the set from a clone, or from a git directory without a work tree."""
    rows = _table(clone, "hadoop/hadoop_bugs.csv")
    reports = {
        row["Issue id"]: Report(row["Issue id"], row["Summary"], row["Description"] or "")
        for row in rows
    }
    groups = {name: frozenset({name}) for name in reports}
    for row in _table(clone, "hadoop/hadoop_bugs-combined.csv"):
        one, other = row["Issue id"], row["Duplicate id"]
        if one in groups and other in groups:
            group = groups[one] | groups[other]
            groups.update(dict.fromkeys(group, group))
    same = {name: group - {name} for name, group in groups.items() if len(group) > 1}
    return Duplicates(reports, same)


def _table(clone: Path, path: str) -> Sequence[dict[str, str]]:
    shown = subprocess.run(
        ["git", "-C", str(clone), "show", f"HEAD:{path}"], capture_output=True, check=True
    )
    csv.field_size_limit(10_000_000)
    return list(csv.DictReader(io.StringIO(shown.stdout.decode("utf-8", "replace"))))


def remembered(report: Report, number: int) -> Remembered:
    """Write a report as a mission would leave it."""
    symptom = Symptom(description=report.summary)
    return Remembered(
        mission=f"mission_20200101_{int(report.id):03d}",
        host=REF.host,
        repository_id=REF.repository_id,
        repository=REF.repository,
        installation_id=REF.installation_id,
        severity=Severity.MEDIUM,
        summary=report.summary[:500],
        symptoms=(symptom,),
        details=scrub(report.description)[:10_000],
        trace=trace_of(report.description),
        errors=errors_in(report.description)[:20],
        signature=str(signature([symptom], [report.description])),
        outcome=Outcome.FIXED,
        scope=MemoryScope.PROPOSE,
        closed_at=_START + timedelta(minutes=number),
    )
