"""Say what happened, from the ledger's entries: one line each, with the evidence."""

from collections.abc import Callable, Mapping
from typing import Any

from grace.domain.ledger import Entry

Payload = Mapping[str, Any]


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
        f"{s['suite']} {s['passed']} passed {s['failed']} failed" for s in payload["suites"]
    )
    stress = ", ".join(
        f"{s['subject']} p95 {s['p95_ms']:.0f} ms at {s['throughput_rps']:.0f}/s"
        for s in payload["stress"]
    )
    head = payload["head_sha"][:10]
    return f"CI run {payload['run_id']} on {head}: {suites}; stress: {stress or 'not run'}"


def _verdict(payload: Payload, _actor: str) -> str:
    gates = payload["tree"]["children"]
    words = "gates: " + ", ".join(f"{gate['name']} {gate['result']}" for gate in gates)
    jobs = [
        f"{leaf['name'].removeprefix('job ')} {leaf['result']}"
        for gate in gates
        for leaf in gate["children"]
        if leaf["name"].startswith("job ")
    ]
    return f"{words}; checks: {', '.join(jobs)}" if jobs else words


_TELL: dict[str, Callable[[Payload, str], str]] = {
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
