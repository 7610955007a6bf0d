"""Say what happened, one sentence for each kind of ledger entry: page, terminal and demo alike.

Names and reasons in a payload are strangers' words; every sentence is one printable line.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from grace.domain.memory.words import keeping
from grace.domain.narration_remedies import REMEDIES, sha_of
from grace.domain.phase import Phase
from grace.domain.render import one_line, why
from grace.domain.verdict import Condition

Payload = Mapping[str, Any]
Teller = Callable[[Payload, str], str]
LIMIT: Final = 600
REDACTED: Final = "its words were redacted; the signature still stands"


class Tone(StrEnum):
    """How an entry should look where colours are shown: never the only sign of it."""

    GOOD = "good"
    BAD = "bad"
    WAIT = "wait"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Said:
    """What an entry says. Neither its chain nor its signature was looked at."""

    log: str
    seq: int
    time: str
    mission: str | None
    kind: str
    actor: str
    payload: Payload | None

    @property
    def sentence(self) -> str:
        return sentence(self.kind, self.actor, self.payload, self.mission)

    @property
    def tone(self) -> Tone:
        return tone(self.kind, self.payload)


def read(line: bytes) -> Said:
    """Read a stored line in a hurry: one of our own, for proof is `ledger.parse_line`'s to give."""
    record = json.loads(line)
    envelope = json.loads(record["envelope"])
    names = ("log", "seq", "time", "mission", "kind", "actor")
    return Said(**{name: envelope[name] for name in names}, payload=record["payload"])


def sentence(kind: str, actor: str, payload: Payload | None, mission: str | None = None) -> str:
    """Tell an entry in one line. Total: of an unknown kind, or one spelled otherwise, its name."""
    name = kind.removeprefix("mission.")
    if payload is None:
        return f"{_words(name)}: {REDACTED}"
    teller = _TELL.get(name)
    if teller is None:
        return one_line(f"{_words(name)}, by {actor}", LIMIT)
    if mission is not None:
        payload = {"branch": f"grace/{mission}", **payload}
    try:
        return one_line(teller(payload, actor), LIMIT)
    except (LookupError, TypeError, ValueError, AttributeError):
        # Another version wrote it with other fields. Its kind is signed, and is told.
        return one_line(f"{_words(name)}, by {actor}", LIMIT)


def tone(kind: str, payload: Payload | None) -> Tone:
    """Tell how an entry should look."""
    name = kind.removeprefix("mission.")
    said: Payload = payload or {}
    if name in _DECIDED_BY:
        return _STANDING.get(str(said.get(_DECIDED_BY[name])), Tone.WAIT)
    return _TONES.get(name, Tone.PLAIN)


def known(kind: str) -> bool:
    """Tell whether a kind has a sentence of its own."""
    return kind.removeprefix("mission.") in _TELL


def in_gating(payload: Payload) -> bool:
    """Tell whether a verdict judged a head that CI has answered about."""
    return bool(payload["evidence"]["mission"].get("phase") == Phase.GATING.value)


def _words(name: str) -> str:
    return name.replace(".", ": ").replace("_", " ")


def _spoken(payload: Payload) -> str:
    """Name the token by which somebody spoke."""
    return f" (by {payload['by']})" if "by" in payload else ""


def _because(payload: Payload, key: str = "reason") -> str:
    return f": {payload[key]}" if payload.get(key) else ""


def _samples(payload: Payload, _actor: str) -> str:
    values = (
        f"{s['metric_id']} = "
        + ("no data" if s["value"] is None else f"{s['value']:.4g} {s['unit']}")
        for s in payload["samples"]
    )
    return "window sample: " + ", ".join(values)


def _tests(payload: Payload, _actor: str) -> str:
    on_base = {"base": " on the base"}
    suites = ", ".join(
        f"{s['suite']}{on_base.get(s['subject'], '')} {s['passed']} passed {s['failed']} failed"
        for s in payload["suites"]
    )
    stress = ", ".join(
        f"{s['subject']} p95 {s['p95_ms']:.0f} ms at {s['throughput_rps']:.0f}/s"
        for s in payload["stress"]
    )
    head = sha_of(payload["head_sha"])
    return f"CI run {payload['run_id']} on {head}: {suites}; stress: {stress or 'not run'}"


def _verdict(payload: Payload, _actor: str) -> str:
    """Sum a verdict up gate by gate once CI has answered; before that say what is awaited."""
    tree = Condition.model_validate(payload["tree"])
    if not in_gating(payload):
        return f"judged: {why(tree)}"
    words = "gates: " + ", ".join(f"{gate.name} {gate.result}" for gate in tree.children)
    jobs = [
        f"{leaf.name.removeprefix('job ')} {leaf.result}"
        for gate in tree.children
        for leaf in gate.children
        if leaf.name.startswith("job ")
    ]
    return f"{words}; checks: {', '.join(jobs)}" if jobs else words


def _stop(payload: Payload) -> str:
    if payload["kind"] == "issue":
        return f"the stop issue #{payload['number']}"
    return "the stop file" if payload["kind"] == "file" else "the kill switch"


def _errors(payload: Payload, actor: str) -> str:
    fields = ", ".join(str(error["field"]) for error in payload["errors"][:5])
    return f"contract by {actor} does not parse, {payload['count']} errors: {fields}"


def _filed(payload: Payload, actor: str) -> str:
    way = payload.get("by", "alert" if "fingerprint" in payload else "issue")
    read = {"issue": "issue read, filed", "alert": "alert heard, filed", "api": "asked, filed"}
    return f"{read[way]} by {actor}, contract {payload['contract_hash'][:19]}"


def _health(payload: Payload, _actor: str) -> str:
    before, after = payload.get("before"), payload["after"]
    change = after if before is None else f"{before} -> {after}"
    return f"{payload['subsystem']}: {change}{_because(payload, 'sentence')}"


def _opened(payload: Payload, _actor: str) -> str:
    return f"log opened for {payload['repository'] or 'the bot itself'}"


def _allowed_by(payload: Payload) -> str:
    """Say what let a change merge: people, or what stands in for them."""
    people = ", ".join(payload["approved_by"])
    if people:
        return f"approved by {people}"
    return f"no approval needed (basis: {payload.get('basis', 'none')})"


_TELL: Final[Mapping[str, Teller]] = MappingProxyType(
    {
        "requested": lambda _, a: f"mission asked for by {a}",
        "filed": _filed,
        "invalid": _errors,
        "phase": lambda p, _: f"{p['before']} -> {p['after']}{_because(p)}",
        "started": lambda p, a: f"mission started by {a}, {p['contract_hash'][:19]} frozen",
        "armed": lambda p, _: (
            f"prepared remedies offered: {', '.join(p['remedies']) or 'none'}"
            + (f"; too long for an issue: {', '.join(p['left_out'])}" if p.get("left_out") else "")
        ),
        "self_started": lambda p, _: (
            f"Grace begins by herself with the remedy {p['remedy']}, trusted {p['record']}"
        ),
        "prepared": lambda p, _: (
            f"the remedy {p['remedy']} is prepared as a draft for a person: {p['reason']}"
        ),
        "released": lambda _, a: f"{a} lets the prepared remedy go on",
        "planned": lambda p, _: (
            f"snapshot of {p['context']['branch']} at {sha_of(p['context']['git_sha'])}"
        ),
        "candidate_pinned": lambda p, _: (
            f"candidate {p['candidate']} is {p['ref']} at {sha_of(p['sha'])}"
        ),
        "attempt_started": lambda p, _: f"attempt {p['attempt']}: candidate {p['candidate']}",
        "attempt_failed": lambda p, _: f"attempt {p['attempt']} failed: {p['reason']}",
        "branch_pushed": lambda p, _: (
            f"commit {sha_of(p['head'])} (tree {sha_of(p['tree'])}) pushed to {p['branch']}: "
            + ", ".join(p["paths"])
        ),
        "base_moved": lambda p, _: f"{p['branch']} moved to {sha_of(p['sha'])}",
        "pull_opened": lambda p, _: f"{p['purpose']} pull request #{p['number']} opened",
        "issue_filed": lambda p, _: f"issue #{p['number']} filed for the mission",
        "tests_reported": _tests,
        "evidence": lambda p, _: f"evidence kept, {p['digest'][:19]}",
        "reviewed": lambda p, a: f"review by {a}: {p['state']} of {sha_of(p['sha'])}",
        "verdict": _verdict,
        "approved": lambda p, a: (
            f"{a} approved {p['gate']}" + (f" of {sha_of(p['sha'])}" if "sha" in p else "")
        ),
        "vetoed": lambda p, a: f"VETO by {a}{_because(p)}",
        "veto_lifted": lambda p, a: f"{a} lifted the veto of {', '.join(p['of'])}",
        "emergency": lambda p, a: f"EMERGENCY ordered by {a} for {sha_of(p['sha'])}: {p['reason']}",
        "muted": lambda _, a: f"{a} asked Grace to comment no more here",
        "unmuted": lambda _, a: f"{a} let Grace comment again",
        "command": lambda p, a: f"{a} said /grace {p['command']} {p['argument']}{_spoken(p)}",
        "command_refused": lambda p, a: f"/grace {p['command']} of {a} was refused",
        "merge_requested": lambda p, _: f"merge of {sha_of(p['head'])} requested, {_allowed_by(p)}",
        "merge_refused": lambda p, _: f"the forge did not merge: {p['reason']}",
        "enqueued": lambda p, _: f"#{p['number']} stands in the merge queue",
        "dequeued": lambda p, _: f"left the merge queue{_because(p)}",
        "leaving_queue": lambda p, _: f"taken out of the merge queue{_because(p)}",
        "group": lambda p, _: f"merge group {sha_of(p['head'])} on {sha_of(p['base'])}",
        "group_dropped": lambda p, _: f"merge group {sha_of(p['head'])} dropped{_because(p)}",
        "merged": lambda p, _: f"landed as {sha_of(p['merge_sha'])}, tree {sha_of(p['tree'])}",
        "incident": lambda p, _: (
            f"INCIDENT: landed tree {sha_of(p['landed'])} is not the tested {sha_of(p['tested'])}"
        ),
        "window_opened": lambda p, _: (
            f"window opened at the {p['anchored_to']}, until {p['ends_at'][11:19]}: "
            + ", ".join(p["targets"])
        ),
        "sampled": _samples,
        "baseline_read": lambda p, _: (
            "known from before the release: "
            + (", ".join(p["metrics"]) or "too little to compare with")
        ),
        "window_extended": lambda p, _: f"window extended: {p['reason']}",
        "window_lengthened": lambda p, a: f"{a} made the window {p['minutes']:g} minutes longer",
        "window_closed": lambda p, _: f"window closed: {p['verdict']} ({p['reason']})",
        "revert_pushed": lambda p, _: (
            f"revert {sha_of(p['head'])} pushed, tree {sha_of(p['tree'])}"
        ),
        "revert_refused": lambda p, _: f"no machine can make this revert{_because(p)}",
        "revert_made_anew": lambda p, _: (
            f"the base moved to {sha_of(p['tip'])}: the revert is made anew"
        ),
        "revert_awaits": lambda p, _: f"the revert waits for its deployment to {p['environment']}",
        "undone_by_hand": lambda p, _: f"somebody had undone it already, at {sha_of(p['sha'])}",
        "reverted": lambda p, _: (
            f"revert landed as {sha_of(p['merge_sha'])}, tree {sha_of(p['tree'])}"
        ),
        "capa_filed": lambda p, _: f"CAPA issue #{p['number']} filed",
        "capa_closed": lambda p, a: f"CAPA issue #{p['number']} closed by {a}",
        "capa_reopened": lambda p, a: f"CAPA issue #{p['number']} opened again by {a}",
        "review_owed": lambda _, __: "a review is owed for what landed without one",
        "review_filed": lambda p, _: f"review issue #{p['number']} filed",
        "review_asked": lambda _, __: "the owed review was asked for again",
        "reviewed_after": lambda p, a: f"{a} reviewed afterwards, in issue #{p['number']}",
        "review_reopened": lambda p, a: f"{a} opened the review #{p['number']} again",
        "review_refused": lambda p, a: f"{a} may not end the review #{p['number']} of an own order",
        "ticket_closed_refused": lambda p, a: f"{a} may not close #{p['number']}",
        "ticket_reopened_refused": lambda p, a: f"{a} may not open #{p['number']} again",
        "alert_firing": lambda _, a: f"the alert of {a} fires again",
        "alert_resolved": lambda _, a: f"the alert of {a} is resolved",
        "alert_joined": lambda p, a: (
            f"alert of {a} joins, for {p['why']} ({p['firing']} of {p['known']} fire): {p['title']}"
        ),
        "alerts_counted": lambda p, _: f"{p['known']} alerts by now, {p['firing']} of them fire",
        "alerts_quiet": lambda p, _: (
            f"every alert is resolved; it has recovered if so at {p['settles_at'][11:19]} UTC"
        ),
        "alert_flapping": lambda p, a: f"the alert of {a} flaps: it fired again {p['flaps']} times",
        "alert_beside": lambda p, a: f"another alert of {a} fires since the release: {p['title']}",
        "severity_raised": lambda p, a: f"{a} raises the severity: {p['before']} -> {p['after']}",
        "came_back": lambda p, _: (
            f"it came back {p['days']:g} days after {p['of']} ended as {p['outcome']}"
        ),
        "capa_known": lambda p, _: f"CAPA #{p['number']} about the same problem is open",
        "ineffective": lambda p, _: f"INEFFECTIVE: the problem came back in {p['by']}",
        "repository_renamed": lambda p, _: f"{p['before']} is now called {p['after']}",
        "held": lambda p, _: f"HELD: {p['reason']}",
        "resumed": lambda _, a: f"resumed by {a}",
        "effect_failed": lambda p, _: f"{p['effect']} failed: {p['reason']}",
        "remembered": lambda p, _: keeping(p["memory"]),
        "lesson_kept": lambda _, a: f"{a} lets memory offer the patch again",
        "forgotten": lambda p, a: f"{a} takes it out of memory: {p['reason']}",
        "closed": lambda p, _: f"mission closed: {p['outcome']} ({p['reason']})",
        "brake.on": lambda p, a: f"STOP by {a}, {_stop(p)}{_because(p)}",
        "brake.off": lambda p, a: f"{_stop(p)} stops no more, by {a}{_because(p)}",
        "brake.refused": lambda p, _: f"{_stop(p)}: a wish to {p['wish']} was refused{_because(p)}",
        "policy.in_force": lambda p, _: f"rules {p['policy_hash'][:19]} are in force",
        "crypto.log_opened": _opened,
        "crypto.key_loaded": lambda p, _: f"key {p['key_id']} signs the ledger",
        "crypto.token_created": lambda p, a: f"{a} made the token {p['name']}",
        "crypto.token_revoked": lambda p, a: f"{a} revoked the token {p['name']}",
        "integration.health_changed": _health,
        "capa.opened": lambda p, a: f"CAPA {p['capa_id']} opened by {a}: {p['title']}",
        "capa.filed": lambda p, _: f"CAPA {p['capa_id']} filed as issue #{p['number']}",
        "capa.changed": lambda p, a: (
            f"CAPA {p['capa_id']} changed by {a}: {', '.join(sorted(p['changed']))}"
        ),
        "capa.reminded": lambda p, _: f"CAPA {p['capa_id']} is overdue: reminder {p['number']}",
        "capa.closed": lambda p, a: f"CAPA {p['capa_id']} closed by {a}",
        "capa.reopened": lambda p, a: f"CAPA {p['capa_id']} opened again by {a}",
        "capa.checked": lambda p, _: (
            f"CAPA {p['capa_id']} checked: {str(p['result']).replace('_', ' ')}"
        ),
        "capa.refused": lambda p, a: f"{a} may not {p['wish']} CAPA {p['capa_id']}",
        **REMEDIES,
    }
)

# Where the kind alone does not say how it looks: the field that does.
_DECIDED_BY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "verdict": "result",
        "window_closed": "verdict",
        "closed": "outcome",
        "integration.health_changed": "after",
        "capa.checked": "result",
    }
)
_STANDING: Final[Mapping[str, Tone]] = MappingProxyType(
    {
        "pass": Tone.GOOD,
        "fixed": Tone.GOOD,
        "self_recovered": Tone.GOOD,
        "healthy": Tone.GOOD,
        "effective": Tone.GOOD,
        "ineffective": Tone.BAD,
        "cancelled": Tone.PLAIN,
        "fail": Tone.BAD,
        "regress": Tone.BAD,
        "rolled_back": Tone.BAD,
        "failed": Tone.BAD,
        "unhealthy": Tone.BAD,
    }
)
_TONES: Final[Mapping[str, Tone]] = MappingProxyType(
    {
        "merged": Tone.GOOD,
        "approved": Tone.GOOD,
        "resumed": Tone.GOOD,
        "brake.off": Tone.GOOD,
        "capa_closed": Tone.GOOD,
        "reviewed_after": Tone.GOOD,
        "invalid": Tone.BAD,
        "attempt_failed": Tone.BAD,
        "vetoed": Tone.BAD,
        "emergency": Tone.BAD,
        "incident": Tone.BAD,
        "revert_pushed": Tone.BAD,
        "revert_refused": Tone.BAD,
        "revert_made_anew": Tone.BAD,
        "reverted": Tone.BAD,
        "effect_failed": Tone.BAD,
        "merge_refused": Tone.BAD,
        "alert_firing": Tone.BAD,
        "alert_joined": Tone.BAD,
        "alert_beside": Tone.BAD,
        "alert_flapping": Tone.WAIT,
        "came_back": Tone.BAD,
        "ineffective": Tone.BAD,
        "capa_filed": Tone.BAD,
        "capa.opened": Tone.BAD,
        "capa.closed": Tone.GOOD,
        "capa.reminded": Tone.WAIT,
        "brake.on": Tone.BAD,
        "held": Tone.WAIT,
        "review_owed": Tone.WAIT,
        "review_asked": Tone.WAIT,
        "window_extended": Tone.WAIT,
        "command_refused": Tone.WAIT,
    }
)
