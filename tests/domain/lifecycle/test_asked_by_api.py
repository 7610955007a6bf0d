"""A mission that somebody asks for by the API: stored first, its issue filed, then as any other."""

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.contract import MAX_FILED, contract_hash, dump, parse, unfit
from grace.domain.fingerprint import fingerprint_of
from grace.domain.narration import sentence
from grace.domain.package import PatchCandidate, Symptom, WorkspaceInfo
from grace.domain.phase import Outcome, Phase, Severity
from support.phases import ALICE, MALLORY, alert, alert_request, asked_by_api
from support.world import BOT, World, issue_body

PATCH = PatchCandidate(name="one", diff="--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+2\n")


def asked(actor=ALICE, **changes):
    world = World()
    world.deliver(asked_by_api(world, actor, **changes))
    return world.settle()


def filed(world):
    return world.asked(fx.FileIssue)


def test_its_issue_is_filed_before_a_writer_s_mission_starts():
    world = World()
    world.deliver(asked_by_api(world))
    assert world.mission.phase is Phase.AWAITING_START
    assert [e.purpose for e in filed(world)] == ["mission"]
    world.settle()
    assert world.mission.issue == 1
    assert world.mission.started_by == "alice"
    assert world.mission.contract_hash == contract_hash(alert_request())


def test_its_issue_names_who_asked_and_holds_the_contract():
    world = asked(workspace=WorkspaceInfo(patch_candidates=(PATCH,)))
    body = filed(world)[0].body
    assert "Filed by Grace for `alice`, who asked for it by the API." in body
    assert "Add a patch candidate" not in body
    assert parse(body, world.policy, world.mission.ref) == world.mission.request


def test_a_stranger_s_waits_for_a_start():
    world = asked(MALLORY)
    assert world.mission.phase is Phase.AWAITING_START
    assert world.mission.started_by is None
    world.deliver(ev.CommandGiven(id="api:1", name="start", actor=ALICE, at=world.now))
    world.settle()
    assert world.mission.started_by == "alice"


def test_what_a_stranger_s_edit_makes_of_it_starts_nothing():
    world = asked(MALLORY)
    grace = ev.Actor(login=BOT)
    world.deliver(
        ev.IssueSeen(
            number=1,
            title="t",
            body=issue_body(),
            author=grace,
            sender=MALLORY,
            updated_at=world.now,
        )
    )
    world.settle()
    assert world.mission.requester == MALLORY
    assert world.mission.started_by is None


def test_who_asked_may_not_approve_it():
    world = asked()
    assert world.mission.authors == ("alice",)
    known = World()
    known.deliver(asked_by_api(known, ev.Actor(login="alice", id=7)))
    assert known.mission.proposer_ids == frozenset({7})


def test_the_webhook_of_its_issue_changes_nothing():
    world = asked(MALLORY)
    before = world.mission
    grace = ev.Actor(login=BOT)
    seen = ev.IssueSeen(
        number=1,
        title="t",
        body=filed(world)[0].body,
        author=grace,
        sender=grace,
        updated_at=world.now,
    )
    world.deliver(seen)
    assert world.mission == before


def test_the_ledger_names_the_token_that_spoke_for_somebody():
    world = World()
    world.deliver(asked_by_api(world, MALLORY).model_copy(update={"by": "token ci"}))
    world.settle()
    assert next(n.payload["by"] for n in world.notes if n.kind == "mission.filed") == "token ci"
    for number, by in ((1, ""), (2, "token ci")):
        world.command("hold", "alice", str(number), by=by)
    said = [n.payload for n in world.notes if n.kind == "mission.command"]
    assert [payload.get("by") for payload in said] == [None, "token ci"]
    assert sentence("mission.command", "alice", said[1]) == "alice said /grace hold (by token ci)"


def test_a_doubled_request_changes_nothing():
    world = asked(MALLORY)
    before, issues = world.mission, len(filed(world))
    world.deliver(asked_by_api(world, ALICE))
    world.settle()
    assert (world.mission, len(filed(world))) == (before, issues)


def test_one_that_is_not_valid_here_is_closed_with_its_reason():
    world = asked(subsystem_id="unknown")
    assert (world.mission.phase, world.mission.outcome) == (Phase.CLOSED, Outcome.CANCELLED)
    assert "subsystem_id" in world.mission.reason
    assert filed(world) == []


@pytest.mark.parametrize("fence", ["```", "~~~"])
def test_a_text_that_an_issue_would_change_is_refused(fence):
    symptom = Symptom(description=f"it says {fence} and ends the block")
    request = alert_request().model_copy(update={"symptoms": (symptom,)})
    ((field, problem),) = unfit(request)
    assert field == "body"
    assert "name it by ref" in problem
    assert asked(symptoms=(symptom,)).mission.outcome is Outcome.CANCELLED


def test_a_contract_that_an_issue_cannot_hold_is_refused():
    short = alert_request()
    room = MAX_FILED - len(dump(short).encode()) - len("summary: \n")
    fits = short.model_copy(update={"summary": "a" * room})
    assert len(dump(fits)) == MAX_FILED
    assert unfit(fits) == []
    over = short.model_copy(update={"summary": "a" * (room + 1)})
    assert [field for field, _ in unfit(over)] == ["body"]


def test_the_same_problem_has_one_fingerprint():
    one, two = asked(), asked(MALLORY, severity=Severity.LOW)
    assert fingerprint_of(one.mission) == fingerprint_of(two.mission)
    other = asked(symptoms=(Symptom(description="another thing"),))
    assert fingerprint_of(other.mission) != fingerprint_of(one.mission)
    named = asked(symptoms=(Symptom(description="an alert fires", metric_id="error_rate"),))
    assert fingerprint_of(named.mission) not in {
        fingerprint_of(one.mission),
        fingerprint_of(other.mission),
    }
    fired = World()
    assert fingerprint_of(fired.mission) == ""
    fired.deliver(alert(fired))
    assert fingerprint_of(fired.mission) == "alert:f1"
