"""What the demo says, from the entries that a mission really leaves."""

import json

import pytest

from grace.adapters.config import read_policy
from grace.demo.narrate import diff_lines, failed, rules, sentence, standing
from grace.demo.service import template_files
from grace.domain.inspection import FileChange, RepositoryRules
from grace.domain.ledger import Entry, Envelope
from grace.domain.phase import Outcome, Phase
from grace.domain.weakening import Weakening, WeakeningKind
from support.world import World

FILE = ".github/mission-control.yml"
SKIPPED = Weakening(
    kind=WeakeningKind.TEST_SKIPPED, file="tests/test_a.py", line=7, message="is skipped"
)


def entries(world: World) -> list[Entry]:
    """Make the ledger's entries of a world's notes, through JSON as the ledger does."""
    return [
        Entry(
            envelope=Envelope(
                log="forge.test/1",
                seq=number,
                prev="0" * 64,
                time="2026-11-22T09:00:00.000000Z",
                mission=world.mission.name,
                kind=note.kind,
                actor=note.actor,
                payload_hash=f"sha256:{'0' * 64}",
                key=f"ed25519:{'0' * 16}",
            ),
            text=b"",
            payload=json.loads(json.dumps(note.payload)),
            salt=None,
            signature=b"",
        )
        for number, note in enumerate(world.notes, 1)
    ]


def world(**inspection: object) -> World:
    """Make a world whose repository has the demo's own rules."""
    policy = read_policy(template_files()[FILE].decode(), FILE)
    return World(inspection={"rules": RepositoryRules(policy=policy), **inspection})


def last_rules(found: list[Entry]) -> list[str]:
    judged = [rules(entry) for entry in found]
    return [standing(rule) for rule in next(each for each in reversed(judged) if each)]


def test_a_mission_that_goes_well_is_told_from_its_issue_to_its_end() -> None:
    played = World().file().ci().review().tick()
    played.deploy().observe()
    assert played.mission.outcome is Outcome.FIXED
    told = [words for entry in entries(played) if (words := sentence(entry)) is not None]
    assert told[0].startswith("issue read, filed by alice")
    assert "commit " in told[5]
    assert f"to {played.mission.branch}: mesh.py" in told[5]
    assert any("checks: unit pass, integration pass, stress pass" in words for words in told)
    assert told[-1].startswith("mission closed: fixed")
    assert any(words.startswith("window sample: ") for words in told)


def test_a_verdict_is_told_once_ci_has_answered() -> None:
    testing = world().file()
    assert testing.mission.phase is Phase.TESTING
    assert [e for e in entries(testing) if rules(e)]
    assert not [w for e in entries(testing) if (w := sentence(e)) and w.startswith("gates: ")]
    told = [w for e in entries(testing.ci()) if (w := sentence(e)) and w.startswith("gates: ")]
    assert "floor pass" in told[-1]


def test_rules_are_shown_with_their_grounds_and_those_that_do_not_apply() -> None:
    lines = last_rules(entries(world(files=(FileChange(path="mesh.py", added=3),)).file().ci()))
    marks = [line.strip().partition("  ")[0] for line in lines]
    assert marks == ["pass", "NO DATA", "pass", "pass", "skip"]
    assert lines[0].endswith("holds by weakened tests")
    assert "1 files, 3 lines; at most 10 files, 300 lines" in lines[3]
    assert lines[4].endswith("applies only when paths .github/**")


def test_a_weakened_test_is_shown_with_file_and_line_before_ci_answers() -> None:
    found = entries(world(weakenings=(SKIPPED,), weakened=1).file())
    judged = [rules(entry) for entry in found]
    (rule,) = failed(next(each for each in reversed(judged) if each))
    assert standing(rule) == (
        "FAIL  no test or check gets weaker: weakened tests: tests/test_a.py:7 is skipped"
    )


def told(kind: str, **payload: object) -> Entry:
    """Make one entry with a payload."""
    (entry, *_) = entries(world().file())
    return Entry(entry.envelope.model_copy(update={"kind": kind}), b"", payload, None, b"")


PROPOSED = {
    "candidate": "repair-1",
    "diff": "diff --git a/a.py b/a.py\nindex 1..2 100644\n--- a/a.py\n+++ b/a.py\n"
    "@@ -1 +1 @@\n-    a\x1b = 1\n+    a = 2\n",
    "rationale": "plausible",
    "usage": {"seconds": 12.4, "tokens_in": 900, "tokens_out": 100, "money_usd": 0.1},
}


def test_what_an_agent_proposes_is_told_with_its_cost_and_its_patch() -> None:
    entry = told("elite.proposed", **PROPOSED)
    words = sentence(entry)
    assert words is not None
    assert words.endswith("proposes repair-1 (12 s, 1,000 tokens): plausible")
    assert diff_lines(entry) == (
        "--- a/a.py",
        "+++ b/a.py",
        "@@ -1 +1 @@",
        "-    a = 1",
        "+    a = 2",
    )
    paid = {**PROPOSED, "usage": {"seconds": 0.0, "money_usd": 0.1, "measured": True}}
    assert "repair-1 (0.10 USD): " in str(sentence(told("elite.proposed", **paid)))


def test_other_entries_have_no_patch_to_show() -> None:
    assert diff_lines(told("elite.proposed", diff=None)) == ()
    assert diff_lines(told("mission.planned", diff="+ a\n")) == ()


@pytest.mark.parametrize("kind", ["mission.requested", "mission.evidence"])
def test_what_is_new_to_nobody_is_not_told(kind: str) -> None:
    (entry, *_) = entries(world().file())
    other = entry.envelope.model_copy(update={"kind": kind})
    unknown = Entry(other, b"", {}, None, b"")
    assert sentence(unknown) is None
    assert rules(unknown) == ()
