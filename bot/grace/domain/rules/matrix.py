"""Severity against gate: what each gate and rule asks for where only the severity is known."""

from collections.abc import Iterator, Sequence
from typing import Literal

from grace.domain.base import Frozen
from grace.domain.phase import Severity
from grace.domain.policy import Governance
from grace.domain.rules.language import RepositoryPolicy, Requirement, Rule, When
from grace.domain.rules.predicates import Truth, both, either, negated, told
from grace.domain.rules.standings import Origin

# The keys of a predicate that are not answered by other predicates or the severity.
_UNKNOWN = frozenset(When.model_fields) - {"all_of", "any_of", "not_", "severity"}


class Cell(Frozen):
    """One severity's need of one gate. `maybe`: it depends on more than the severity.

    `approvals`: so many at least. `instead`: what may stand in for them.
    """

    need: Literal["needed", "skipped", "maybe"]
    approvals: int = 0
    instead: tuple[str, ...] = ()

    def told(self) -> str:
        """Say it in a few words."""
        words: str = self.need
        if self.approvals:
            words = f"{self.approvals} approval{'s' if self.approvals > 1 else ''}"
            words = f"maybe {words}" if self.need == "maybe" else words
        return " or ".join((words, *self.instead))


class Row(Frozen):
    """One gate or rule, with its cells by severity; `when`: where it applies, in words."""

    origin: Origin
    name: str
    when: str = ""
    cells: dict[Severity, Cell]


def matrix(governance: Governance, repository: RepositoryPolicy | None = None) -> tuple[Row, ...]:
    """Lay out the gates that every mission has, the rules of the floor, and the repository's."""
    own = repository.rules if repository is not None else ()
    return (
        *_gates(governance),
        *(_of_rule("floor", rule) for rule in governance.rules),
        *(_of_rule("repository", rule) for rule in own),
    )


def applies_at(when: When, severity: Severity) -> Truth:
    """Say whether a predicate holds for all missions of a severity; None: for some."""
    return both(_parts(when, severity))


def _parts(when: When, severity: Severity) -> Iterator[Truth]:
    if when.all_of is not None:
        yield both(applies_at(each, severity) for each in when.all_of)
    if when.any_of is not None:
        yield either(applies_at(each, severity) for each in when.any_of)
    if when.not_ is not None:
        yield negated(applies_at(when.not_, severity))
    if when.severity is not None:
        yield severity in when.severity
    if any(getattr(when, name) is not None for name in _UNKNOWN):
        yield None


def approvals_of(wanted: Requirement, severity: Severity) -> int:
    """Count the approvals without which a requirement cannot hold."""
    needs = [0]
    if wanted.approvals is not None:
        needs.append(wanted.approvals.count)
    if wanted.separation_of_duties is not None:
        grave = severity is Severity.CRITICAL
        needs.append(wanted.separation_of_duties.critical_approvers if grave else 0)
    needs += [approvals_of(each, severity) for each in wanted.all_of or ()]
    if wanted.any_of:
        needs.append(_least(wanted.any_of, 1, severity))
    if wanted.at_least is not None and wanted.at_least.count <= len(wanted.at_least.of):
        needs.append(_least(wanted.at_least.of, wanted.at_least.count, severity))
    return max(needs)


def _least(of: Sequence[Requirement], count: int, severity: Severity) -> int:
    """Count the approvals that so many of these take at the least."""
    return sorted(approvals_of(each, severity) for each in of)[count - 1]


def _of_rule(origin: Origin, rule: Rule) -> Row:
    return Row(
        origin=origin,
        name=rule.name,
        when=told(rule.when) if rule.when is not None else "",
        cells={severity: _cell(rule, severity) for severity in Severity},
    )


def _cell(rule: Rule, severity: Severity) -> Cell:
    applies = applies_at(rule.when, severity) if rule.when is not None else True
    if applies is False:
        return Cell(need="skipped")
    approvals = approvals_of(rule.require, severity)
    return Cell(need="needed" if applies else "maybe", approvals=approvals)


def _gates(governance: Governance) -> Iterator[Row]:
    needed, maybe, skipped = Cell(need="needed"), Cell(need="maybe"), Cell(need="skipped")
    yield _gate("tests", needed)
    yield _gate("stress", needed if governance.stress.required else skipped)
    yield _gate("metrics", maybe, "the mission names metric targets")
    yield Row(
        origin="gate",
        name="approvals",
        cells={severity: _approvals(governance, severity) for severity in Severity},
    )
    yield _gate("roles", maybe, "the mission names allowed roles")
    yield _gate("merge readiness", needed)


def _gate(name: str, cell: Cell, when: str = "") -> Row:
    return Row(origin="gate", name=name, when=when, cells=dict.fromkeys(Severity, cell))


def _approvals(governance: Governance, severity: Severity) -> Cell:
    """A mission that asks for a governance approval gets one where its severity needs none."""
    needed = governance.approvals.needed(severity)
    if needed == 0:
        return Cell(need="maybe", approvals=1)
    return Cell(need="needed", approvals=needed, instead=tuple(_instead(governance, severity)))


def _instead(governance: Governance, severity: Severity) -> Iterator[str]:
    auto, solo, lane = governance.auto_merge, governance.solo, governance.emergency
    if auto is not None and severity in auto.severities:
        yield f"trust of {auto.min_trust:g}"
    if solo is not None and severity in solo.severities:
        yield f"{solo.wait_minutes:g} min for {solo.maintainer}"
    if severity is Severity.CRITICAL and lane.enabled and "approvals" in lane.waives:
        yield "an emergency's order"
