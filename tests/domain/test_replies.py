"""Every answer to a command, and what a stranger's words become in it."""

from datetime import UTC, datetime, timedelta

import pytest

from grace.domain import replies
from grace.domain.events import Permission
from grace.domain.lifecycle.commands import COMMANDS, QUESTIONS
from grace.domain.phase import Phase
from grace.domain.verdict import Result, all_of, leaf
from support.phases import world_in
from support.world import World

EVIL = "`@everyone` <!-- x --> [a](b) closes #7\n## b"


def test_every_command_is_listed_and_every_listed_word_is_a_command():
    listed = {written.partition(" ")[0] for written in replies.COMMANDS}
    assert listed == set(COMMANDS)
    help_text = replies.help_text()
    for written, words in replies.COMMANDS.items():
        assert f"- `/grace {written}`: {words}\n" in help_text


def test_questions_need_less_than_orders():
    asked = {name: command.needs for name, command in COMMANDS.items()}
    assert {"help", "status", "why"} == QUESTIONS
    assert {n for n, needs in asked.items() if needs is Permission.TRIAGE} == QUESTIONS
    assert {needs for n, needs in asked.items() if n not in QUESTIONS} == {Permission.WRITE}


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - QUESTIONS))
def test_every_order_says_why_there_is_nothing_to_do(name):
    said = replies.nothing_to(name, world_in(Phase.CLOSED).mission)
    assert said.startswith(f"The mission is closed (fixed): there is nothing to {name}; it ") or (
        name == "resume" and "nothing is held" in said
    )
    assert said.endswith(".")


def test_a_held_mission_is_said_to_be_held():
    held = world_in(Phase.TESTING).mission.with_(held="held by alice")
    assert "The mission is testing, held: there is nothing to extend" in replies.nothing_to(
        "extend", held
    )


@pytest.mark.parametrize(
    "said",
    [
        replies.stranger_refused(EVIL, Permission.NONE),
        replies.command_refused(EVIL, Permission.READ, Permission.WRITE),
        replies.unknown_command(EVIL),
        replies.unknown_candidate(EVIL, ("patch-1",)),
        replies.unknown_gate(EVIL, ("approvals",)),
        replies.own_proposal(EVIL),
        replies.approval_void(EVIL, "a" * 40),
    ],
)
def test_a_strangers_words_stay_in_their_code_span(said):
    outside = "".join(said.split("`")[::2])
    assert "\n" not in said
    assert "everyone" not in outside
    assert "<!--" not in outside
    assert "#7" not in outside
    assert said.count("`") % 2 == 0


def test_sentences_name_what_is_the_case_and_the_way_out():
    assert "write permission, and the forge says that you have read" in replies.stranger_refused(
        "mallory", Permission.READ
    )
    refused = replies.command_refused("hold", Permission.TRIAGE, Permission.WRITE)
    assert refused == "`hold` needs write permission, and you have triage."
    assert "`dance` is no command. There are `help`, `status`" in replies.unknown_command("dance")
    assert "There are `a`, `b`." in replies.unknown_candidate("c", ("a", "b"))
    assert "There is `approvals`." in replies.unknown_gate("trust", ("approvals",))
    assert "20 attempts" in replies.tried_enough(20)
    assert "it is aaaaaaaaaa now" in replies.approval_void("rita", "a" * 40)
    assert "more than 13 days" in replies.window_too_long(timedelta(days=13))
    assert "Somebody else with write permission may." in replies.own_proposal("alice")
    assert replies.veto_lifted("But.") == "Your veto is taken back. But."


def test_an_answer_begins_with_its_marker():
    mission = World().mission
    assert replies.reply(mission, "reply:7", "yes") == (
        "<!-- grace:00000000-0000-0000-0000-000000000001:reply:7 -->\nyes"
    )


def test_the_status_of_a_mission_at_its_beginning_is_short():
    mission = World().mission
    said = replies.status_text(mission, leaf("start", Result.PENDING, "waits", "a writer"))
    assert said.splitlines() == [
        "mission_20261122_001 is **filed** (status open).",
        "wait: start: waits. It is changed by a writer.",
    ]


def test_the_status_of_a_mission_shows_what_it_has():
    world = world_in(Phase.OBSERVING)
    ends = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    window = world.mission.window.model_copy(update={"ends_at": ends})
    mission = world.mission.with_(held=EVIL, window=window)
    lines = replies.status_text(mission, world.verdict.root).splitlines()
    assert lines[0] == "mission_20261122_001 is **observing** (status observing)."
    assert lines[1].startswith("Held: \\`@\u200beveryone\\` \\<\\!-- x --\\>")
    assert lines[3] == f"Attempt 1, candidate `patch-1` at `{mission.attempts[0].head[:10]}`."
    assert lines[4:] == ["Pull request #2.", "The window ends 2026-11-22 10:30 UTC."]
    early = world_in(Phase.PATCHING)
    said = replies.status_text(early.mission, early.verdict.root)
    assert said.endswith("Attempt 1, candidate `patch-1`.")
    unanchored = mission.with_(window=window.model_copy(update={"ends_at": None}))
    assert "The window ends" not in replies.status_text(unanchored, world.verdict.root)


def test_the_status_of_a_closed_mission_says_how_it_ended():
    world = world_in(Phase.CLOSED)
    said = replies.status_text(world.mission, world.verdict.root)
    assert "It ended as fixed: every target held through the observation window" in said


def test_why_shows_the_sentence_and_the_whole_tree():
    tree = all_of("merge", (leaf("a", Result.PASS, "fine"), leaf("b", Result.FAIL, "bad", "rita")))
    assert replies.why_text(tree) == (
        "FAIL: b: bad. It is changed by rita.\n\n"
        "- **FAIL** merge: failed: b\n  - **pass** a: fine\n  - **FAIL** b: bad — rita"
    )
