"""Commands: who may, in which phase, what each changes, and how it is answered."""

import pytest

from grace.domain import effects as fx
from grace.domain import emergencies, replies
from grace.domain import events as ev
from grace.domain.lifecycle.commands import COMMANDS, MAX_STRANGERS, QUESTIONS, STRANGER_REST
from grace.domain.lifecycle.reactions import MAX_COMMANDS, MAX_WAITING
from grace.domain.phase import Phase
from support.phases import say, world_in
from support.reports import sha

ORDERS = sorted(set(COMMANDS) - QUESTIONS)
# The phases in which an order of a writer, given as it stands, has something to do.
FITS = {
    "start": {Phase.AWAITING_START},
    "retry": {Phase.PLANNING, Phase.PATCHING, Phase.TESTING, Phase.GATING},
    "hold": {
        *(Phase.PLANNING, Phase.PATCHING, Phase.TESTING),
        *(Phase.GATING, Phase.MERGING, Phase.EXECUTING),
    },
    "resume": set(),
    "cancel": {
        *(Phase.FILED, Phase.INVALID, Phase.AWAITING_START),
        *(Phase.PLANNING, Phase.PATCHING, Phase.TESTING, Phase.GATING, Phase.EXECUTING),
    },
    "approve": {Phase.TESTING, Phase.GATING},
    "veto": {
        *(Phase.AWAITING_START, Phase.PLANNING, Phase.PATCHING),
        *(Phase.TESTING, Phase.GATING, Phase.MERGING, Phase.EXECUTING),
    },
    "rollback": {Phase.OBSERVING},
    "extend": {Phase.OBSERVING},
    "emergency": set(),
    "mute": set(Phase) - {Phase.CLOSED},
    "unmute": set(),
    "remember": {Phase.CLOSED},
    "forget": {Phase.CLOSED},
}


def no_word(name, phase, mission):
    """Say what is answered to an order that does nothing."""
    if name == "emergency" and phase in FITS["approve"]:
        return emergencies.emergency_not_critical(mission)
    return replies.nothing_to(name, mission)


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("name", ORDERS)
def test_an_order_does_something_only_where_it_fits_and_says_so_elsewhere(name, phase):
    world = world_in(phase)
    before = world.mission
    say(world, name)
    nod = ("9", "+1")
    if phase in FITS[name]:
        assert world.reactions() == [("9", "eyes"), nod]
        assert world.replies() == []
    else:
        assert world.reactions() == [("9", "eyes")]
        assert world.replies() == [no_word(name, phase, before)]
        kept = {"commands", "requested", "asked"}
        assert world.mission.model_dump(exclude=kept) == before.model_dump(exclude=kept)


@pytest.mark.parametrize("phase", [Phase.AWAITING_START, Phase.GATING, Phase.OBSERVING])
@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("login", ["nobody", "mallory", "tara"])
def test_below_write_permission_nothing_is_obeyed(login, name, phase):
    world = world_in(phase)
    before = world.mission
    say(world, name, login)
    assert world.reactions() == [("9", "eyes")]
    kept = {"commands", "requested", "asked", "strangers", "greeted"}
    assert world.mission.model_dump(exclude=kept) == before.model_dump(exclude=kept)
    permission = world.permission.get(login, ev.Permission.NONE)
    if login == "tara":
        refused = replies.command_refused(name, permission, ev.Permission.WRITE)
        assert world.mission.strangers == {}
    else:
        refused = replies.stranger_refused(login, permission)
        assert world.mission.greeted == (login,)
        assert world.mission.strangers == {login: world.now}
    assert world.replies() == [refused]
    assert world.only_done(fx.Reply).number == 2


@pytest.mark.parametrize("phase", list(Phase))
def test_questions_are_answered_in_every_phase_and_change_nothing(phase):
    for name, words in (
        ("help", "- `/grace veto REASON`"),
        ("status", f"is **{phase}**"),
        ("why", "- **"),
    ):
        world = world_in(phase)
        before = world.mission
        say(world, name, "tara")
        assert words in world.replies()[0]
        assert world.reactions() == [("9", "eyes")]
        kept = {"commands", "requested", "asked"}
        assert world.mission.model_dump(exclude=kept) == before.model_dump(exclude=kept)


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_a_reader_is_no_party_to_questions(name):
    world = say(world_in(Phase.TESTING), name, "mallory")
    assert world.replies() == [replies.stranger_refused("mallory", ev.Permission.READ)]


def test_a_word_that_is_no_command_is_answered_to_those_who_may_command():
    world = say(world_in(Phase.TESTING), "dance")
    assert world.replies() == [replies.unknown_command("dance")]
    world = say(world_in(Phase.TESTING), "dance", "mallory")
    assert world.replies() == [replies.stranger_refused("mallory", ev.Permission.READ)]


# strangers


def test_a_stranger_gets_one_polite_line_and_nothing_else():
    world = world_in(Phase.TESTING)
    comments, checks = world.asked(fx.PublishComment), world.asked(fx.PublishCheck)
    for n in range(8):
        world.command("hold", "mallory", str(n), comment=str(n), on=2)
    assert world.replies() == [replies.stranger_refused("mallory", ev.Permission.READ)]
    assert world.reactions() == [("0", "eyes")]
    assert [n.actor for n in world.notes if n.kind == "mission.command_refused"] == ["mallory"]
    assert world.asked(fx.PublishComment) == comments
    assert world.asked(fx.PublishCheck) == checks
    assert world.mission.held is None


def test_a_stranger_who_was_given_the_right_since_is_obeyed():
    world = world_in(Phase.TESTING).command("hold", "mallory")
    world.permission["mallory"] = ev.Permission.WRITE
    assert world.command("hold", "mallory", "2").mission.held is None
    world.now += STRANGER_REST
    assert world.command("hold", "mallory", "3").mission.held == "held by mallory"
    world.command("resume", "mallory", "4")
    held = world.command("hold", "mallory", "5", argument=" wait for \n the release").mission.held
    assert held == "held by mallory: wait for the release"


def test_a_commander_is_asked_about_by_number_where_it_is_known():
    world = world_in(Phase.TESTING)
    world.command("hold", actor=ev.Actor(login="alice", id=7))
    assert world.asked(fx.ReadPermission)[-1].user_id == 7


def test_a_stranger_costs_one_question_in_a_while_however_much_he_writes():
    world = world_in(Phase.GATING)
    for n in range(300):
        world.command("veto", "mallory", str(n))
        world.review("mallory", at=sha(str(n)))
    asked = [e for e in world.asked(fx.ReadPermission) if e.login == "mallory"]
    assert len(asked) == 1


def test_the_commands_of_one_comment_cost_one_question():
    world = world_in(Phase.GATING)
    for n, name in enumerate(("hold", "resume", "status")):
        say(world, name, id=f"c-{n}")
    assert [e.login for e in world.asked(fx.ReadPermission)].count("rita") == 1
    assert world.mission.held is None


def test_only_so_many_strangers_are_answered_or_written_down():
    world = world_in(Phase.TESTING)
    for n in range(MAX_STRANGERS + 3):
        for again in range(3):
            world.command("hold", f"stranger-{n}", f"{n}.{again}")
    assert len(world.replies()) == len(world.mission.greeted) == MAX_STRANGERS
    refused = [n for n in world.notes if n.kind == "mission.command_refused"]
    assert len(refused) == MAX_STRANGERS


def test_one_commander_cannot_take_the_room_of_others():
    world = world_in(Phase.TESTING)
    world.waits = (fx.ReadPermission,)
    for n in range(MAX_COMMANDS + 5):
        world.command("hold", "mallory", str(n))
    assert len(world.mission.commands) == MAX_COMMANDS
    world.command("hold", "rita", "r")
    world.waits = ()
    assert world.settle().mission.held == "held by rita"
    world = world_in(Phase.TESTING)
    world.waits = (fx.ReadPermission,)
    for n in range(MAX_WAITING + 5):
        world.command("hold", f"stranger-{n}", str(n))
    assert len(world.mission.commands) == MAX_WAITING


def test_a_permission_that_cannot_be_read_leaves_no_command_waiting():
    world = world_in(Phase.TESTING)
    world.waits = (fx.ReadPermission,)
    world.command("cancel").fail(fx.ReadPermission)
    assert world.mission.commands == ()
    assert world.mission.live


# how it is answered


def test_a_command_that_was_commented_is_seen_at_once():
    world = world_in(Phase.TESTING)
    world.waits = (fx.ReadPermission,)
    say(world, "hold")
    assert world.reactions() == [("9", "eyes")]
    assert world.mission.held is None


def test_a_command_delivered_twice_is_answered_once():
    world = world_in(Phase.OBSERVING)
    for _ in range(3):
        say(world, "extend")
    assert world.mission.window.added_minutes == 5
    assert world.reactions() == [("9", "eyes"), ("9", "+1")]
    for _ in range(2):
        say(world, "why", "tara")
    assert len(world.replies()) == 1


@pytest.mark.parametrize("kind", [fx.React, fx.Reply])
def test_a_comment_that_was_deleted_holds_nothing(kind):
    world = world_in(Phase.TESTING)
    world.waits = (kind,)
    say(world, "why", "tara").fail(kind, "404")
    assert world.mission.held is None


def test_a_button_is_answered_on_the_pull_request_and_reacts_to_nothing():
    world = world_in(Phase.GATING).command("approve", "alice", sha=world_in(Phase.GATING).head)
    assert world.reactions() == []
    assert world.only_done(fx.Reply).number == 2
    early = world_in(Phase.AWAITING_START).command("retry")
    assert early.only_done(fx.Reply).number == 1
    assert world_in(Phase.FILED).command("retry").asked(fx.Reply) == []
