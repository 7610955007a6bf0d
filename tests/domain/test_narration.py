"""Every kind of entry has a sentence, and no payload breaks one."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grace.adapters.keys import Ed25519Key
from grace.domain import narration
from grace.domain.ledger import Head, append, draft
from grace.domain.narration import Said, Tone, known, read, sentence, tone
from support.world import World

SHA = "0123456789abcdef"
LIFECYCLE = Path(narration.__file__).parent / "lifecycle"
SPELLED = (
    *("alert_firing", "alert_resolved", "capa_closed", "capa_reopened"),
    *("ticket_closed_refused", "ticket_reopened_refused"),
)
ELSEWHERE = (
    *("brake.on", "brake.off", "brake.refused", "policy.in_force", "crypto.log_opened"),
    *("crypto.key_loaded", "crypto.token_created", "crypto.token_revoked"),
    *("integration.health_changed", "elite.claimed", "elite.released"),
)
EXAMPLES = [
    (
        "elite.proposed",
        {"candidate": "repair-1", "usage": {"seconds": 12.4}, "rationale": "plausible"},
        "ann proposes repair-1 (12 s): plausible",
    ),
    (
        "elite.proposed",
        {"candidate": "a-1", "usage": {"tokens_out": 1200, "money_usd": 0.5, "measured": True}},
        "ann proposes a-1 (1,200 tokens, 0.50 USD)",
    ),
    ("elite.proposed", {"candidate": "a-1", "usage": {"money_usd": 0.5}}, "ann proposes a-1"),
    ("elite.proposed", {"refusal": "no_patch", "sentence": "none"}, "ann left no patch: none"),
    ("requested", {}, "mission asked for by ann"),
    ("filed", {"contract_hash": "sha256:0123"}, "issue read, filed by ann, contract sha256:0123"),
    (
        "filed",
        {"contract_hash": "sha256:0123", "fingerprint": "f"},
        "alert heard, filed by ann, contract sha256:0123",
    ),
    (
        "filed",
        {"contract_hash": "sha256:0123", "by": "api"},
        "asked, filed by ann, contract sha256:0123",
    ),
    (
        "invalid",
        {"count": 7, "errors": [{"field": "severity"}]},
        "contract by ann does not parse, 7 errors: severity",
    ),
    ("phase", {"before": "filed", "after": "planning", "reason": ""}, "filed -> planning"),
    (
        "phase",
        {"before": "gating", "after": "merging", "reason": "it passes"},
        "gating -> merging: it passes",
    ),
    (
        "candidate_pinned",
        {"candidate": "a", "ref": "fix", "sha": SHA},
        "candidate a is fix at 0123456789",
    ),
    (
        "merge_requested",
        {"head": SHA, "approved_by": ["rita"], "basis": "approvals"},
        "merge of 0123456789 requested, approved by rita",
    ),
    (
        "merge_requested",
        {"head": SHA, "approved_by": [], "basis": "trust"},
        "merge of 0123456789 requested, no approval needed (basis: trust)",
    ),
    ("base_moved", {"branch": "main", "sha": SHA}, "main moved to 0123456789"),
    ("issue_filed", {"number": 3}, "issue #3 filed for the mission"),
    ("evidence", {"digest": "sha256:0123"}, "evidence kept, sha256:0123"),
    ("approved", {"gate": "approvals", "sha": SHA}, "ann approved approvals of 0123456789"),
    ("vetoed", {"reason": "no"}, "VETO by ann: no"),
    ("veto_lifted", {"of": ["bob", "cy"]}, "ann lifted the veto of bob, cy"),
    ("emergency", {"reason": "fire", "sha": SHA}, "EMERGENCY ordered by ann for 0123456789: fire"),
    ("muted", {}, "ann asked Grace to comment no more here"),
    ("unmuted", {}, "ann let Grace comment again"),
    (
        "remembered",
        {"memory": {"signature": "latency/latency/-", "lesson": "kept"}},
        "memory keeps it under latency/latency/-; its patch may be tried again",
    ),
    ("lesson_kept", {}, "ann lets memory offer the patch again"),
    ("forgotten", {"reason": "wrong"}, "ann takes it out of memory: wrong"),
    ("command", {"command": "veto", "argument": "no"}, "ann said /grace veto no"),
    ("command_refused", {"command": "start"}, "/grace start of ann was refused"),
    ("merge_refused", {"reason": "405"}, "the forge did not merge: 405"),
    ("enqueued", {"number": 4}, "#4 stands in the merge queue"),
    ("dequeued", {"reason": "checks"}, "left the merge queue: checks"),
    ("leaving_queue", {"reason": "held"}, "taken out of the merge queue: held"),
    ("group", {"head": SHA, "base": "ba5e"}, "merge group 0123456789 on ba5e"),
    ("group_dropped", {"head": SHA, "reason": "gone"}, "merge group 0123456789 dropped: gone"),
    (
        "incident",
        {"landed": SHA, "tested": None},
        "INCIDENT: landed tree 0123456789 is not the tested None",
    ),
    ("window_extended", {"reason": "no data"}, "window extended: no data"),
    ("window_lengthened", {"minutes": 2.5}, "ann made the window 2.5 minutes longer"),
    ("revert_refused", {"reason": "conflict"}, "no machine can make this revert: conflict"),
    ("capa_filed", {"number": 9}, "CAPA issue #9 filed"),
    ("capa_closed", {"number": 9}, "CAPA issue #9 closed by ann"),
    ("capa_reopened", {"number": 9}, "CAPA issue #9 opened again by ann"),
    ("review_owed", {}, "a review is owed for what landed without one"),
    ("review_filed", {"number": 9}, "review issue #9 filed"),
    ("review_asked", {"number": 9}, "the owed review was asked for again"),
    ("reviewed_after", {"number": 9}, "ann reviewed afterwards, in issue #9"),
    ("review_reopened", {"number": 9}, "ann opened the review #9 again"),
    ("review_refused", {"number": 9}, "ann may not end the review #9 of an own order"),
    ("ticket_closed_refused", {"number": 9}, "ann may not close #9"),
    ("ticket_reopened_refused", {"number": 9}, "ann may not open #9 again"),
    ("alert_firing", {}, "the alert of ann fires again"),
    ("alert_resolved", {}, "the alert of ann is resolved"),
    (
        "alert_joined",
        {"why": "the same metric", "title": "Slow", "known": 3, "firing": 2},
        "alert of ann joins, for the same metric (2 of 3 fire): Slow",
    ),
    ("alerts_counted", {"known": 200, "firing": 180}, "200 alerts by now, 180 of them fire"),
    (
        "alerts_quiet",
        {"known": 2, "settles_at": "2026-11-22T09:02:00+00:00"},
        "every alert is resolved; it has recovered if so at 09:02:00 UTC",
    ),
    ("alert_flapping", {"flaps": 8}, "the alert of ann flaps: it fired again 8 times"),
    ("alert_beside", {"title": "Slow"}, "another alert of ann fires since the release: Slow"),
    ("severity_raised", {"before": "low", "after": "high"}, "ann raises the severity: low -> high"),
    (
        "came_back",
        {"of": "mission_20261101_001", "outcome": "fixed", "days": 3.25},
        "it came back 3.25 days after mission_20261101_001 ended as fixed",
    ),
    ("capa_known", {"number": 9}, "CAPA #9 about the same problem is open"),
    (
        "ineffective",
        {"by": "mission_20261123_001"},
        "INEFFECTIVE: the problem came back in mission_20261123_001",
    ),
    ("repository_renamed", {"before": "a/b", "after": "a/c"}, "a/b is now called a/c"),
    ("held", {"reason": "why"}, "HELD: why"),
    ("resumed", {}, "resumed by ann"),
    ("attempt_failed", {"attempt": 1, "reason": "red"}, "attempt 1 failed: red"),
    ("effect_failed", {"effect": "merge", "reason": "404"}, "merge failed: 404"),
    ("revert_pushed", {"head": SHA, "tree": "7ree"}, "revert 0123456789 pushed, tree 7ree"),
    ("reverted", {"merge_sha": SHA, "tree": "7ree"}, "revert landed as 0123456789, tree 7ree"),
    ("brake.on", {"kind": "operator", "reason": "x"}, "STOP by ann, the kill switch: x"),
    ("brake.on", {"kind": "file", "reason": ""}, "STOP by ann, the stop file"),
    (
        "brake.off",
        {"kind": "issue", "number": 5, "reason": "lifted"},
        "the stop issue #5 stops no more, by ann: lifted",
    ),
    (
        "brake.refused",
        {"kind": "issue", "number": 5, "wish": "lift", "reason": "read only"},
        "the stop issue #5: a wish to lift was refused: read only",
    ),
    ("policy.in_force", {"policy_hash": "sha256:0123"}, "rules sha256:0123 are in force"),
    ("crypto.log_opened", {"repository": "a/b"}, "log opened for a/b"),
    ("crypto.log_opened", {"repository": ""}, "log opened for the bot itself"),
    ("crypto.key_loaded", {"key_id": "ed25519:0"}, "key ed25519:0 signs the ledger"),
    ("crypto.token_created", {"name": "ops"}, "ann made the token ops"),
    ("crypto.token_revoked", {"name": "ops"}, "ann revoked the token ops"),
    (
        "integration.health_changed",
        {"subsystem": "store", "before": "healthy", "after": "degraded", "sentence": "slow"},
        "store: healthy -> degraded: slow",
    ),
    ("integration.health_changed", {"subsystem": "store", "after": "healthy"}, "store: healthy"),
    (
        "elite.claimed",
        {"agent": "bot", "role": "coder", "until": "2026-11-22T10:20:30Z"},
        "claimed by bot (coder) until 10:20:30 UTC",
    ),
    ("elite.released", {"agent": "bot"}, "given back by bot"),
]


@pytest.mark.parametrize(("name", "payload", "words"), EXAMPLES)
def test_an_entry_is_told(name: str, payload: dict[str, object], words: str) -> None:
    kind = name if "." in name else f"mission.{name}"
    assert sentence(kind, "ann", payload) == words


def noted() -> set[str]:
    """Collect the kinds that the lifecycle writes out."""
    calls = (
        node
        for path in LIFECYCLE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
    )
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "note"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }


def test_every_kind_that_is_written_has_a_sentence_of_its_own() -> None:
    kinds = noted()
    assert len(kinds) > 40
    assert {k for k in (*kinds, *SPELLED, *ELSEWHERE) if not known(k)} == set()
    assert not known("mission.unheard_of")


@pytest.mark.parametrize("payload", [{}, {"errors": 3}, {"kind": []}, {"tree": {"name": 1}}])
@pytest.mark.parametrize("kind", [k for k, *_ in EXAMPLES] + ["verdict", "sampled", "new.thing"])
def test_no_payload_breaks_a_sentence(kind: str, payload: dict[str, object]) -> None:
    told = sentence(kind, "ann", payload, "mission_20261122_001")
    assert told.isprintable()
    assert told


def test_words_of_strangers_stay_on_one_line() -> None:
    told = sentence("mission.held", "ann", {"reason": "a\r\n\x1b[31mb" + "x" * 5000})
    assert told.startswith("HELD: a [31mbx")
    assert told.isprintable()
    assert len(told) == narration.LIMIT


def test_a_redacted_entry_says_so() -> None:
    told = sentence("mission.held", "ann", None)
    assert told == "held: its words were redacted; the signature still stands"


def test_what_is_not_known_is_told_by_its_name() -> None:
    assert sentence("memory.thing_learned", "ann", {"x": 1}) == "memory: thing learned, by ann"


def test_a_whole_mission_is_told() -> None:
    played = World().file().ci().review().tick()
    played.deploy().observe()
    name = played.mission.name
    told = [sentence(n.kind, n.actor, n.payload, name) for n in played.notes]
    assert any(words.startswith("judged: wait: ") for words in told)
    assert any(words.startswith("gates: ") and "; checks: unit pass" in words for words in told)
    assert any(words.startswith("window sample: ") for words in told)
    assert any(f"pushed to grace/{name}: mesh.py" in words for words in told)
    assert told[-1].startswith("mission closed: fixed")


def test_a_sample_without_a_value_says_so() -> None:
    samples = [{"metric_id": "m", "value": None, "unit": "ms"}]
    assert (
        sentence("mission.sampled", "metrics", {"samples": samples}) == "window sample: m = no data"
    )


def test_gates_without_jobs_are_told_alone() -> None:
    tree = {
        "name": "all",
        "result": "pass",
        "reason": "",
        "children": [{"name": "floor", "result": "pass", "reason": ""}],
    }
    payload = {"tree": tree, "evidence": {"mission": {"phase": "gating"}}}
    assert sentence("mission.verdict", "grace", payload) == "gates: floor pass"


def test_a_report_is_told_with_its_stress_runs() -> None:
    suites = [
        {"suite": "unit", "subject": "head", "passed": 3, "failed": 0},
        {"suite": "unit", "subject": "base", "passed": 2, "failed": 1},
    ]
    stress = [{"subject": "head", "p95_ms": 12.4, "throughput_rps": 80.2}]
    payload = {"run_id": 5, "head_sha": SHA, "suites": suites, "stress": stress}
    assert sentence("mission.tests_reported", "ci", payload) == (
        "CI run 5 on 0123456789: unit 3 passed 0 failed, unit on the base 2 passed 1 failed; "
        "stress: head p95 12 ms at 80/s"
    )


@pytest.mark.parametrize(
    ("kind", "payload", "looks"),
    [
        ("mission.verdict", {"result": "pass"}, Tone.GOOD),
        ("mission.verdict", {"result": "fail"}, Tone.BAD),
        ("mission.verdict", {"result": "pending"}, Tone.WAIT),
        ("mission.closed", {"outcome": "rolled_back"}, Tone.BAD),
        ("mission.closed", {"outcome": "cancelled"}, Tone.PLAIN),
        ("mission.window_closed", {"verdict": "pass"}, Tone.GOOD),
        ("integration.health_changed", {"after": "unhealthy"}, Tone.BAD),
        ("brake.on", {}, Tone.BAD),
        ("mission.phase", {}, Tone.PLAIN),
        ("mission.closed", None, Tone.WAIT),
    ],
)
def test_an_entry_looks_as_what_it_says(
    kind: str, payload: dict[str, object] | None, looks: Tone
) -> None:
    assert tone(kind, payload) is looks


def test_a_stored_line_is_read_as_what_it_says(key: Ed25519Key) -> None:
    note = draft("mission.held", "ann", {"reason": "why"}, mission="mission_20261122_001")
    at = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    entry = append(Head.empty("forge.test/1"), note, bytes(16), at, key)
    said = read(entry.line)
    assert said == Said(
        log="forge.test/1",
        seq=1,
        time="2026-11-22T09:30:00.000000Z",
        mission="mission_20261122_001",
        kind="mission.held",
        actor="ann",
        payload={"reason": "why"},
    )
    assert (said.sentence, said.tone) == ("HELD: why", Tone.WAIT)
    assert read(entry.redacted().line).payload is None
