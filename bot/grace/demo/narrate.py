"""Say what happened, from the ledger's entries: one line each, with the evidence."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from grace.domain.ledger import Entry
from grace.domain.phase import Phase
from grace.domain.render import ICON, leaves, one_line
from grace.domain.rules.evaluate import FLOOR, REPOSITORY
from grace.domain.verdict import Condition, Result

Payload = Mapping[str, Any]
_WIDTH = 150
_ON_BASE = {"base": " on the base"}


def sentence(entry: Entry) -> str | None:
    """Tell one entry in a line; None where it says nothing new to a reader."""
    kind = entry.envelope.kind.removeprefix("mission.")
    payload: Payload = entry.payload or {}
    tell = _TELL.get(kind)
    if kind == "branch_pushed":
        payload = {**payload, "branch": f"grace/{entry.envelope.mission}"}
    return None if tell is None else tell(payload, entry.envelope.actor)


def _samples(payload: Payload, _actor: str) -> str:
    values = (
        f"{s['metric_id']} = "
        + ("no data" if s["value"] is None else f"{s['value']:.4g} {s['unit']}")
        for s in payload["samples"]
    )
    return "window sample: " + ", ".join(values)


def _tests(payload: Payload, _actor: str) -> str:
    suites = ", ".join(
        f"{s['suite']}{_ON_BASE.get(s['subject'], '')} {s['passed']} passed {s['failed']} failed"
        for s in payload["suites"]
    )
    stress = ", ".join(
        f"{s['subject']} p95 {s['p95_ms']:.0f} ms at {s['throughput_rps']:.0f}/s"
        for s in payload["stress"]
    )
    head = payload["head_sha"][:10]
    return f"CI run {payload['run_id']} on {head}: {suites}; stress: {stress or 'not run'}"


def _verdict(payload: Payload, _actor: str) -> str | None:
    """Sum a verdict up once CI has answered; before that every job's end makes a new one."""
    if _phase(payload) != Phase.GATING.value:
        return None
    tree = Condition.model_validate(payload["tree"])
    words = "gates: " + ", ".join(f"{gate.name} {gate.result}" for gate in tree.children)
    jobs = [
        f"{leaf.name.removeprefix('job ')} {leaf.result}"
        for gate in tree.children
        for leaf in gate.children
        if leaf.name.startswith("job ")
    ]
    return f"{words}; checks: {', '.join(jobs)}" if jobs else words


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


def _phase(payload: Payload) -> str | None:
    phase: str | None = payload["evidence"]["mission"].get("phase")
    return phase


_TELL: dict[str, Callable[[Payload, str], str | None]] = {
    "filed": lambda p, a: f"issue read, filed by {a}, contract {p['contract_hash'][:19]}",
    "started": lambda p, a: f"mission started by {a}, {p['contract_hash'][:19]} frozen",
    "planned": lambda p, _: (
        f"snapshot of {p['context']['branch']} at {p['context']['git_sha'][:10]}"
    ),
    "attempt_started": lambda p, _: f"attempt {p['attempt']}: candidate {p['candidate']}",
    "branch_pushed": lambda p, _: (
        f"commit {p['head'][:10]} (tree {p['tree'][:10]}) pushed to {p['branch']}: "
        + ", ".join(p["paths"])
    ),
    "pull_opened": lambda p, _: f"{p['purpose']} pull request #{p['number']} opened",
    "tests_reported": _tests,
    "attempt_failed": lambda p, _: f"attempt {p['attempt']} failed: {p['reason']}",
    "reviewed": lambda p, a: f"review by {a}: {p['state']} of {p['sha'][:10]}",
    "verdict": _verdict,
    "merge_requested": lambda p, _: (
        f"merge of {p['head'][:10]} requested, approved by {', '.join(p['approved_by'])}"
    ),
    "merged": lambda p, _: f"landed as {p['merge_sha'][:10]}, tree {p['tree'][:10]}",
    "window_opened": lambda p, _: (
        f"window opened at the {p['anchored_to']}, until {p['ends_at'][11:19]}: "
        + ", ".join(p["targets"])
    ),
    "sampled": _samples,
    "window_extended": lambda p, _: f"window extended: {p['reason']}",
    "window_closed": lambda p, _: f"window closed: {p['verdict']} ({p['reason']})",
    "revert_pushed": lambda p, _: f"revert {p['head'][:10]} pushed, tree {p['tree'][:10]}",
    "reverted": lambda p, _: f"revert landed as {p['merge_sha'][:10]}, tree {p['tree'][:10]}",
    "capa_filed": lambda p, _: f"CAPA issue #{p['number']} filed",
    "held": lambda p, _: f"HELD: {p['reason']}",
    "effect_failed": lambda p, _: f"{p['effect']} failed: {p['reason']}",
    "closed": lambda p, _: f"mission closed: {p['outcome']} ({p['reason']})",
}
