"""Runs that somebody starts on the target's machine: their orders, and what follows on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grace.domain.playbooks.playbook import Playbook
from grace.domain.playbooks.progress import progress_of
from grace.domain.playbooks.record import Over, Word
from grace.domain.playbooks.run import RunOrder, RunState, StepReport, StepState
from grace.runner.errors import RunnerError
from grace.runner.journal import Journal, all_journals, folder_name, orders_of, split
from grace.runner.targets import Target


@dataclass(frozen=True, slots=True)
class Standing:
    """How the newest run of a try stands. `over` None: it was cut off on its way."""

    order: RunOrder
    orders: int
    reports: tuple[StepReport, ...]
    over: Over | None
    words: tuple[Word, ...]

    @property
    def first(self) -> str:
        """Name the try by its first run."""
        return self.order.first or self.order.id


def order_of(
    playbook: Playbook, target: Target, at: datetime, approved: Mapping[str, str], *, dry: bool
) -> RunOrder:
    """Order a run by hand."""
    return RunOrder(
        id=f"by-hand/{playbook.name}/{at:%Y%m%dT%H%M%S}.{at.microsecond:06d}",
        playbook=playbook,
        target=target.name,
        kind=target.kind,
        mode="dry_run" if dry else "run",
        approved=dict(approved),
    )


def standing_of(journal: Journal) -> Standing | None:
    """Read how the newest run of a journal stands; None: nothing is in it."""
    words = journal.words()
    orders = orders_of(words)
    if not orders:
        return None
    order = orders[-1]
    _, own = split(words, order.id)
    over = next((w for w in own if isinstance(w, Over)), None)
    reports = tuple(progress_of(order, own).reports.values())
    return Standing(order, len(orders), reports, over, tuple(own))


def standings(state: Path) -> list[Standing]:
    """List the runs that a runner's state knows, oldest first."""
    found = (standing_of(journal) for journal in all_journals(state))
    return [each for each in found if each is not None]


def standing_named(state: Path, run: str) -> Standing:
    """Find a run by its id, or by the id of its first; `RunnerError` where it is not here."""
    for each in standings(state):
        if run in {each.order.id, each.first, folder_name(each.first)}:
            return each
    raise RunnerError(f"no run {run} is known here: `grace playbook runs` lists them")


def following(standing: Standing, approved: Mapping[str, str]) -> RunOrder:
    """Go on with a run that was cut off, or that waited for a person; `RunnerError`: it is over."""
    order = standing.order
    if standing.over is None:
        return order
    if standing.over.state is not RunState.NEEDS_PERSON:
        raise RunnerError(f"{order.id} is over: {standing.over.sentence}")
    waiting = standing.over.waiting_for
    if waiting is not None and waiting not in approved:
        raise RunnerError(
            f"{waiting} needs a named person: --approve {waiting}=LOGIN, if that is right: "
            f"{standing.over.sentence}"
        )
    return order.model_copy(
        update={
            "id": f"{standing.first}.{standing.orders + 1}",
            "first": standing.first,
            "approved": order.approved | dict(approved),
            "agreed": order.agreed | _agreed(standing, approved),
            "resumes": standing.reports,
        }
    )


def undoing(standing: Standing) -> RunOrder:
    """Take back what a run did; `RunnerError` while it is under way."""
    order = standing.order
    if standing.over is None and order.mode != "undo":
        raise RunnerError(f"{order.id} is not over: `grace playbook resume` it first")
    if standing.over is None:
        return order
    return order.model_copy(
        update={
            "id": f"{standing.first}.{standing.orders + 1}",
            "first": standing.first,
            "mode": "undo",
            "resumes": standing.reports,
        }
    )


def _agreed(standing: Standing, approved: Mapping[str, str]) -> dict[str, str]:
    """Bind who agrees now to what it would be done to, as the run found it."""
    return {
        report.step: report.about
        for report in standing.reports
        if report.step in approved and report.state is StepState.NEEDS_PERSON
    }
