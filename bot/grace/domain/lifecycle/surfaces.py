"""What people see at the forge, as it should be now; only a difference is published.

Edits are few on purpose: a forge allows 500 content writes an hour. A mission that goes well on
its first patch makes two comments, one at the start and one at the end, and three check runs.
"""

from dataclasses import dataclass
from typing import Literal

from grace.domain import messages, replies
from grace.domain.effects import PublishComment, SetLabels
from grace.domain.lifecycle.checks import (
    governance_check,
    group_check,
    metrics_check,
    observation_check,
)
from grace.domain.lifecycle.commands import answer
from grace.domain.lifecycle.draft import Draft
from grace.domain.phase import Phase
from grace.domain.verdict import Condition, Result, leaf

INVALID_LABEL = "mission/invalid"


@dataclass(frozen=True, slots=True)
class Said:
    """What a comment says and where; `gist` is what counts as a change of it."""

    number: int
    body: str
    gist: str
    audit: bool


def publish(draft: Draft, tree: Condition) -> None:
    """Ask for every surface that should say something else than it does."""
    labels(draft)
    issue_comment(draft)
    governance_check(draft, tree)
    group_check(draft)
    metrics_check(draft)
    observation_check(draft)
    pull_comment(draft, tree)
    answers(draft, tree)


def answers(draft: Draft, tree: Condition) -> None:
    """Answer the questions that were asked in this turn."""
    for command in draft.questions:
        match command.name:
            case "why":
                words = replies.why_text(tree)
            case "status":
                words = replies.status_text(draft.mission, tree)
            case _:
                words = replies.help_text()
        answer(draft, command, words)


def labels(draft: Draft) -> None:
    """Keep the label `mission/invalid` true."""
    mission = draft.mission
    if mission.issue is None:
        return
    wanted = "yes" if mission.phase is Phase.INVALID else "no"
    known = mission.published.get("label")
    if known == wanted or (known is None and wanted == "no"):
        return
    draft.set(published={**mission.published, "label": wanted})
    add, remove = ((INVALID_LABEL,), ()) if wanted == "yes" else ((), (INVALID_LABEL,))
    draft.ask(
        SetLabels(
            key=draft.next_key("label"), number=mission.issue, add=add, remove=remove, slot="label"
        )
    )


def issue_comment(draft: Draft) -> None:
    """Publish the sticky comment of the issue once there is something to say."""
    mission = draft.mission
    filed = draft.facts.permission(f"filed:{mission.body_digest[:16]}")
    undecided = mission.phase is Phase.AWAITING_START and filed is None and mission.alert is None
    asks = mission.phase is Phase.PLANNING and mission.recalled is None and mission.held is None
    if mission.issue is None or mission.phase is Phase.FILED or undecided or asks:
        return
    body = messages.issue_comment(mission, draft.policy)
    said = Said(mission.issue, body, gist=body, audit=mission.phase is Phase.CLOSED)
    comment(draft, "issue", said)


def pull_comment(draft: Draft, tree: Condition) -> None:
    """Publish the sticky comment of the pull request when a verdict is worth reading.

    What CI and reviewers add to the verdict of a mission that lives is no reason to edit it: that
    stands in the check.
    """
    mission = draft.mission
    if mission.pull is None:
        return
    settled = mission.phase in {Phase.REVERTING, Phase.CLOSED}
    lost = mission.phase in {Phase.PATCHING, Phase.TESTING} and any(
        a.failure for a in mission.attempts
    )
    if settled or mission.held is not None or lost:
        body = messages.pull_comment(mission, tree)
        any_verdict = leaf("verdict", Result.PENDING, "")
        gist = messages.pull_comment(mission, any_verdict) if mission.live else body
        comment(draft, "pull", Said(mission.pull.number, body, gist, audit=True))


def comment(draft: Draft, surface: Literal["issue", "pull"], said: Said) -> None:
    """Ask for a comment; the interpreter edits the one that is there. A muted mission has none."""
    if draft.mission.muted is not None and draft.mission.live:
        return
    digest = draft.changed(surface, said.gist)
    if digest is not None:
        draft.ask(
            PublishComment(
                key=draft.next_key(surface),
                slot=surface,
                surface=surface,
                number=said.number,
                id=None,
                body=said.body,
                digest=digest,
                audit=said.audit,
            )
        )
