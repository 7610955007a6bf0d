"""Labels and who put them: on issues and pull requests of ours, and on those that stop us. Pure."""

from typing import Final

from grace.adapters.github.envelopes import IssueDelivery, PullDelivery
from grace.adapters.github.ours import Ours
from grace.adapters.github.payloads import Issue, Pull
from grace.adapters.github.seen import actor_of
from grace.domain.events import LabelSeen
from grace.ports import STOP_LABEL, StopIssue

_PRESENT: Final = {"labeled": True, "unlabeled": False}
_LIFTING: Final = frozenset({"closed", "unlabeled", "deleted", "transferred"})


def label_seen(given: IssueDelivery | PullDelivery, thing: Issue | Pull) -> LabelSeen | None:
    """Tell which label was put on or taken off, and by whom; ours count as ours.

    None for any other action.
    """
    present = _PRESENT.get(given.action)
    if present is None or given.label is None or not given.label.name:
        return None
    return LabelSeen(
        number=thing.number,
        label=given.label.name,
        present=present,
        actor=actor_of(given.sender),
        at=thing.updated_at,
    )


def is_stop(label: str) -> bool:
    """Tell whether a label stops us; at GitHub labels know no case."""
    return label.lower() == STOP_LABEL


def stops(given: IssueDelivery, ours: Ours) -> tuple[StopIssue, ...]:
    """Tell whether an issue stops us now, or does so no more, and who did that.

    Whether that person may is read later: it stops at once, and lifts only then.
    """
    issue, action = given.issue, given.action
    if issue.pull_request is not None:
        return ()
    if action in _PRESENT:
        about = given.label is not None and is_stop(given.label.name)
    else:
        about = any(is_stop(label.name) for label in issue.labels)
    lifted = action in _LIFTING
    begun = action in {"labeled", "reopened"} and issue.state != "closed"
    if not about or not (lifted or begun):
        return ()
    return (
        StopIssue(
            ref=given.ref(ours.host),
            number=issue.number,
            open=begun,
            actor=actor_of(given.sender),
            at=issue.updated_at,
        ),
    )
