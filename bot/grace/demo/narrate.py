"""What the demo shows of the ledger: each step in a line, and the rules with their grounds."""

from collections.abc import Sequence
from typing import Final

from grace.domain import narration
from grace.domain.ledger import Entry
from grace.domain.render import ICON, leaves, one_line
from grace.domain.rules.evaluate import FLOOR, REPOSITORY
from grace.domain.verdict import Condition, Result

_WIDTH = 150
_TOLD: Final = frozenset(
    f"mission.{name}"
    for name in (
        "filed",
        "started",
        "planned",
        "attempt_started",
        "branch_pushed",
        "pull_opened",
        "tests_reported",
        "attempt_failed",
        "reviewed",
        "merge_requested",
        "merged",
        "window_opened",
        "sampled",
        "window_extended",
        "window_closed",
        "revert_pushed",
        "reverted",
        "capa_filed",
        "approved",
        "held",
        "self_started",
        "effect_failed",
        "closed",
    )
) | frozenset(
    f"elite.{name}"
    for name in (
        "recalled",
        "reused",
        "agent_asked",
        "proposed",
        "playbook_chosen",
        "run_ordered",
        "run_reported",
        "playbook_failed",
    )
)


def sentence(entry: Entry) -> str | None:
    """Tell one entry in a line; None where it says nothing new to a reader.

    A verdict is told once CI has answered; before that every job's end makes a new one.
    """
    envelope, payload = entry.envelope, entry.payload
    judged = envelope.kind == "mission.verdict" and payload and narration.in_gating(payload)
    if envelope.kind not in _TOLD and not judged:
        return None
    return narration.sentence(envelope.kind, envelope.actor, payload, envelope.mission)


def diff_lines(entry: Entry) -> tuple[str, ...]:
    """Return the lines of the patch that an agent proposes, without what only git reads."""
    diff = (entry.payload or {}).get("diff") if entry.envelope.kind == "elite.proposed" else None
    lines = str(diff or "").splitlines()
    return tuple(
        "".join(filter(str.isprintable, line))[:_WIDTH]
        for line in lines
        if not line.startswith(("diff --git ", "index "))
    )


def rules(entry: Entry) -> tuple[Condition, ...]:
    """Return the rules that a verdict judged, the bot's and the repository's."""
    if entry.envelope.kind != "mission.verdict" or entry.payload is None:
        return ()
    tree = Condition.model_validate(entry.payload["tree"])
    parts = (part for part in tree.children if part.name in {FLOOR, REPOSITORY})
    return tuple(rule for part in parts for rule in part.children or (part,))


def failed(judged: Sequence[Condition]) -> tuple[Condition, ...]:
    """Leave the rules that failed."""
    return tuple(rule for rule in judged if rule.result is Result.FAIL)


def standing(rule: Condition) -> str:
    """Say in a line how a rule stands, and on what grounds."""
    return f"{ICON[rule.result]:>4}  {rule.name}: {one_line(_grounds(rule), _WIDTH)}"


def _grounds(rule: Condition) -> str:
    """Name what a rule rests on: what failed, else what is awaited, else all that holds."""
    if rule.passes:
        return leaves(rule) if rule.mode == "all_of" else rule.reason
    failed = [child for child in rule.children if child.result is Result.FAIL]
    return "; ".join(leaves(child) for child in failed) or rule.reason
