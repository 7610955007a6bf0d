"""Missions that Grace begins by herself: with a trusted remedy, or as far as a draft."""

import json
from datetime import timedelta
from typing import Any

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.alerting.alarm import Placed, Recurrence
from grace.domain.catalog import Subsystems
from grace.domain.package import AcceptanceCriteria, MissionRequest, Symptom
from grace.domain.phase import Outcome, Phase, Severity
from grace.domain.policy import AutoMerge
from grace.domain.proactive import Proactive, Remedies, Remedy
from grace.domain.surroundings import OutcomeFact
from support.world import BOT, DIFF, METRIC, World, issue_body, make_policy

REMEDY = Remedy(name="lookup-off", metrics=(METRIC,), diff=DIFF)
OTHER = Remedy(name="cache-on", metrics=(METRIC,), diff=DIFF.replace("fast", "cached"))
RITA = ev.Actor(login="rita", id=5)


def alert(world: World, severity: Severity = Severity.LOW) -> ev.AlertSeen:
    catalog = world.policy.catalog.metrics
    request = MissionRequest(
        subsystem_id="trigger_mesh",
        severity=severity,
        detected_by="detector",
        symptoms=(Symptom(description="slow", metric_id=METRIC),),
        acceptance_criteria=AcceptanceCriteria(
            metric_targets=(catalog[METRIC].as_target(METRIC, 10),), observation_window_minutes=1
        ),
    )
    return ev.AlertSeen(
        source="detector",
        fingerprint=f"detector:{METRIC}",
        status="firing",
        title="slow",
        request=request,
        at=world.now,
    )


def make_world(*remedies: Remedy, **governance: object) -> World:
    policy = make_policy(**governance)
    return World(policy=policy.model_copy(update={"remedies": Remedies(remedies=remedies)}))


def trusted(world: World, remedy: Remedy = REMEDY, good: int = 6) -> World:
    """Let a remedy have held so many times, with approvals, on as many days."""
    past = tuple(
        OutcomeFact(
            mission=f"m{i}",
            agent=remedy.agent,
            severity=Severity.HIGH,
            outcome=Outcome.FIXED,
            basis="approvals",
            at=world.now - timedelta(days=good - i),
        )
        for i in range(good)
    )
    history = (*world.facts.history, *past)
    world.facts = world.facts.model_copy(update={"history": history})
    return world


def kinds(world: World) -> list[str]:
    return [n.kind.removeprefix("mission.") for n in world.notes]


def fired(world: World, severity: Severity = Severity.LOW) -> World:
    world.deliver(alert(world, severity))
    world.settle()
    return world


def test_a_low_mission_with_a_trusted_remedy_starts_by_itself() -> None:
    world = fired(trusted(make_world(REMEDY)))
    assert world.mission.phase is Phase.TESTING
    assert world.mission.started_by == "policy: proactive"
    assert world.mission.self_started_at is not None
    assert world.mission.prepared is None
    assert world.mission.attempts[-1].agent == REMEDY.agent
    assert "self_started" in kinds(world)
    assert not world.asked(fx.OpenPull)[0].draft


def test_the_remedy_with_the_best_record_is_tried_first() -> None:
    world = fired(trusted(make_world(OTHER, REMEDY)))
    request = world.mission.request
    assert request is not None
    names = [c.name for c in request.workspace.patch_candidates]
    assert names == ["lookup-off", "cache-on"]


def test_the_record_lets_it_merge_without_a_person_where_governance_says_so() -> None:
    world = trusted(make_world(REMEDY, auto_merge=AutoMerge(min_trust=0.5)))
    fired(world).ci().deploy().observe()
    assert world.mission.outcome is Outcome.FIXED
    assert world.mission.basis == "trust"


@pytest.mark.parametrize("severity", [Severity.HIGH, Severity.CRITICAL])
def test_a_grave_mission_is_prepared_as_a_draft_and_a_person_is_told(severity: Severity) -> None:
    world = fired(trusted(make_world(REMEDY)), severity)
    assert world.asked(fx.OpenPull)[0].draft
    assert world.mission.prepared == "wanted"
    assert any("is prepared as draft" in r.body for r in world.asked(fx.Reply))
    world.ci().review().review("alice")
    assert world.mission.phase is Phase.GATING
    assert world.verdict is not None
    assert "goes on when somebody with write permission" in world.verdict.root.holding().reason


def test_a_remedy_without_a_record_is_prepared_as_a_draft() -> None:
    world = fired(make_world(REMEDY))
    assert world.mission.prepared == "wanted"
    (note,) = [n for n in world.notes if n.kind == "mission.prepared"]
    assert "0.5 is needed" in note.payload["reason"]


def test_a_changed_patch_begins_a_new_record() -> None:
    changed = REMEDY.model_copy(update={"diff": DIFF.replace("fast", "faster")})
    world = fired(trusted(make_world(changed)))
    assert world.mission.prepared == "wanted"


def test_past_the_daily_cap_a_person_decides() -> None:
    world = trusted(make_world(REMEDY, proactive=Proactive(max_per_day=2)))
    starts = (world.now - timedelta(hours=1), world.now - timedelta(hours=23))
    world.facts = world.facts.model_copy(update={"self_starts": starts})
    fired(world)
    assert world.mission.prepared == "wanted"
    older = trusted(make_world(REMEDY, proactive=Proactive(max_per_day=2)))
    starts = (older.now - timedelta(hours=1), older.now - timedelta(hours=25))
    older.facts = older.facts.model_copy(update={"self_starts": starts})
    assert fired(older).mission.prepared is None


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({"outcome": Outcome.FIXED}, "the fix of mission_20261101_001 did not hold"),
        ({"outcome": Outcome.CANCELLED}, None),
        ({"capa": 9}, "CAPA #9 about the same problem is open"),
    ],
    ids=["a fix did not hold", "it was cancelled", "a capa is open"],
)
def test_what_came_back_or_has_a_capa_is_a_persons_to_decide(
    known: dict[str, Any], why: str | None
) -> None:
    world = trusted(make_world(REMEDY))
    placed = Placed(capa=known.get("capa"))
    if "outcome" in known:
        closed = world.now - timedelta(days=1)
        recurs = Recurrence(mission="mission_20261101_001", closed_at=closed, **known)
        placed = Placed(recurs=recurs)
    world.deliver(alert(world).model_copy(update={"placed": placed}))
    world.settle()
    assert world.mission.prepared == (None if why is None else "wanted")
    reasons = [n.payload["reason"] for n in world.notes if n.kind == "mission.prepared"]
    assert reasons == [] if why is None else why in reasons[0]


@pytest.mark.parametrize(
    "rules", [Proactive(enabled=False), Proactive(prepare_drafts=False)], ids=["off", "no drafts"]
)
def test_without_drafts_the_mission_waits_for_its_start(rules: Proactive) -> None:
    world = fired(make_world(REMEDY, proactive=rules))
    assert world.mission.phase is Phase.AWAITING_START
    assert world.mission.request is not None
    assert len(world.mission.request.workspace.patch_candidates) == 1


def test_without_a_remedy_the_mission_waits_for_its_start() -> None:
    elsewhere = Remedy(name="x", metrics=("error_rate",), diff=DIFF)
    world = fired(make_world(elsewhere))
    assert world.mission.phase is Phase.AWAITING_START
    assert "armed" not in kinds(world)


def test_a_vetoed_mission_is_not_begun() -> None:
    world = trusted(make_world(REMEDY))
    world.deliver(alert(world))
    world.mission = world.mission.with_(vetoes={"rita": "not now"})
    world.settle()
    assert world.mission.phase is Phase.AWAITING_START


def test_a_persons_start_lets_a_prepared_mission_go_on_and_he_may_approve() -> None:
    world = fired(make_world(REMEDY)).ci()
    world.deliver(world.pull(sender=ev.Actor(login=BOT)).model_copy(update={"draft": True}))
    assert world.mission.prepared == "draft"
    world.command("start", "rita", comment="9", on=2)
    assert world.mission.prepared is None
    assert world.mission.released_by == "rita"
    assert [r.number for r in world.asked(fx.MarkReady)] == [2]
    world.deliver(world.pull(sender=ev.Actor(login=BOT)))
    world.review("rita")
    assert world.mission.phase is Phase.MERGING or world.mission.landing is not None


def test_a_start_before_the_draft_is_seen_marks_nothing() -> None:
    world = fired(make_world(REMEDY))
    world.command("start", "rita", comment="9", on=2)
    assert world.mission.prepared is None
    assert world.asked(fx.MarkReady) == []


def test_a_start_before_the_draft_is_seen_marks_it_ready_once_it_is() -> None:
    world = fired(make_world(REMEDY))
    world.command("start", "rita", comment="9", on=2)
    draft = world.pull(sender=ev.Actor(login=BOT)).model_copy(update={"draft": True})
    world.deliver(draft)
    assert [r.number for r in world.asked(fx.MarkReady)] == [2]
    world.tick(1)
    world.deliver(world.pull(sender=RITA).model_copy(update={"draft": True}))
    assert len(world.asked(fx.MarkReady)) == 1  # what a person makes a draft again is his


def test_a_start_before_the_pull_request_is_asked_for_opens_no_draft() -> None:
    world = make_world(REMEDY)
    world.waits = (fx.PushPatch,)
    fired(world).command("start", "rita", comment="9", on=1)
    assert not world.mission.ready_wanted
    world.waits = ()
    world.settle()
    assert [p.draft for p in world.asked(fx.OpenPull)] == [False]


def _edited(world: World, body: str | None = None) -> World:
    """Let somebody write a contract of his own into the issue that Grace filed."""
    world.tick(1)
    world.deliver(
        ev.IssueSeen(
            number=1,
            title="slow",
            body=issue_body() if body is None else body,
            author=ev.Actor(login=BOT),
            sender=ev.Actor(login="alice"),
            updated_at=world.now,
            edited=True,
        )
    )
    return world.settle()


def test_an_edited_contract_is_not_begun_by_herself() -> None:
    world = make_world(REMEDY, proactive=Proactive(prepare_drafts=False))
    fired(world)
    assert world.mission.phase is Phase.AWAITING_START
    workspace = world.mission.request.workspace
    assert workspace.patch_candidates == (REMEDY.candidate(),)
    _edited(world, body=_contract(world))
    trusted(world).tick(1)
    assert world.mission.request.workspace == workspace
    assert world.mission.phase is Phase.AWAITING_START


def _contract(world: World) -> str:
    written = world.mission.request.model_dump(mode="json", exclude_none=True)
    return f"```json\n{json.dumps(written)}\n```"


def test_a_new_start_is_its_starters_and_no_more_of_whom_let_the_last_one_go_on() -> None:
    world = fired(make_world(REMEDY))
    world.deliver(world.pull(sender=ev.Actor(login=BOT)).model_copy(update={"draft": True}))
    world.command("start", "alice", comment="9", on=2)
    assert world.mission.released_by == "alice"
    _edited(world)
    assert world.mission.proposed is not None
    world.command("start", "rita", id="c2", comment="10", on=2)
    assert (world.mission.started_by, world.mission.released_by) == ("rita", None)


def test_a_new_start_lets_a_prepared_draft_go_on() -> None:
    world = fired(make_world(REMEDY))
    world.deliver(world.pull(sender=ev.Actor(login=BOT)).model_copy(update={"draft": True}))
    _edited(world)
    world.command("start", "rita", comment="9", on=2)
    assert world.mission.prepared is None
    assert [r.number for r in world.asked(fx.MarkReady)] == [2]


def _joined(world: World, severity: Severity) -> World:
    more = {"fingerprint": "f2", "placed": Placed(known=2, firing=2, why="the same metric")}
    world.deliver(alert(world, severity).model_copy(update=more))
    return world.settle()


def test_a_graver_alert_that_joins_leaves_the_merge_to_a_person() -> None:
    rules = AutoMerge(min_trust=0.5)
    world = fired(trusted(make_world(REMEDY, auto_merge=rules)))
    _joined(world, Severity.CRITICAL)
    assert world.mission.prepared == "wanted"
    told = [r for r in world.asked(fx.Reply) if r.surface == "prepared"]
    assert "prepared as #2" in told[0].body
    _joined(world, Severity.CRITICAL)
    assert kinds(world).count("prepared") == 1
    world.ci()
    assert world.mission.phase is Phase.GATING
    world.deliver(world.pull(sender=ev.Actor(login=BOT)))
    world.command("start", "rita", comment="9", on=2)
    assert world.mission.landing is not None
    assert not world.mission.ready_wanted  # it never was a draft


def test_an_alert_that_is_no_graver_leaves_it_to_her() -> None:
    world = fired(trusted(make_world(REMEDY)))
    _joined(world, Severity.MEDIUM)
    assert world.mission.prepared is None


def test_a_graver_alert_takes_nothing_from_whom_let_it_go_on() -> None:
    world = fired(make_world(REMEDY))
    world.command("start", "rita", comment="9", on=2)
    _joined(world, Severity.CRITICAL)
    assert world.mission.prepared is None


def test_a_strangers_start_changes_nothing() -> None:
    world = fired(make_world(REMEDY))
    world.command("start", "mallory", comment="9", on=2)
    assert world.mission.prepared == "wanted"


def test_marking_the_draft_ready_lets_it_go_on() -> None:
    world = fired(make_world(REMEDY)).ci()
    seen = world.pull(sender=RITA)
    world.deliver(seen)
    assert world.mission.prepared == "wanted"  # a forge without drafts never showed one
    world.deliver(seen.model_copy(update={"draft": True}))
    world.deliver(seen)
    assert world.mission.prepared is None
    assert "released" in kinds(world)


def test_somebody_elses_patch_of_the_same_name_has_no_part_in_the_record() -> None:
    own = REMEDY.candidate().model_copy(update={"diff": DIFF.replace("fast", "evil")})
    assert Remedies(remedies=(REMEDY,)).made(own) is None
    assert Remedies(remedies=(REMEDY,)).made(REMEDY.candidate()) == REMEDY


def test_a_remedy_for_which_an_issue_has_no_room_is_left_out() -> None:
    long = Remedy(name="long", metrics=(METRIC,), diff=DIFF + "+more\n" * 20_000)
    world = fired(make_world(long, REMEDY))
    offered = world.mission.request.workspace.patch_candidates
    assert [c.name for c in offered] == [REMEDY.name]
    assert len(world.only_done(fx.FileIssue).body.encode()) < 65_536
    (armed,) = [n for n in world.notes if n.kind == "mission.armed"]
    assert armed.payload == {"remedies": [REMEDY.name], "left_out": ["long"]}


def test_a_mission_whose_remedies_are_all_too_long_waits_for_a_person() -> None:
    long = Remedy(name="long", metrics=(METRIC,), diff=DIFF + "+more\n" * 20_000)
    world = fired(make_world(long))
    assert world.mission.phase is Phase.AWAITING_START
    assert kinds(world).count("armed") == 1


def test_an_issue_that_is_filed_in_another_try_offers_what_the_first_did() -> None:
    world = make_world(REMEDY)
    world.waits = (fx.FileIssue,)
    fired(world).fail(fx.FileIssue)
    world.policy = world.policy.model_copy(update={"remedies": Remedies(remedies=(OTHER,))})
    fired(world)
    assert world.mission.request.workspace.patch_candidates == (REMEDY.candidate(),)
    assert kinds(world).count("armed") == 1


def test_a_mission_whose_subsystem_left_the_configuration_is_not_begun() -> None:
    world = make_world(REMEDY, start_alerts=True)
    world.waits = (fx.FileIssue,)
    fired(world)
    world.policy = world.policy.model_copy(update={"subsystems": Subsystems()})
    world.waits = ()
    world.settle()
    assert (world.mission.phase, world.mission.issue) == (Phase.AWAITING_START, 1)


def test_two_remedies_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two remedies have the same name"):
        Remedies(remedies=(REMEDY, REMEDY))


def test_a_remedy_needs_a_patch() -> None:
    with pytest.raises(ValueError, match="give either diff or ref"):
        Remedy(name="empty", metrics=(METRIC,))


def test_remedies_are_narrowed_to_what_a_repository_may_see() -> None:
    mine = REMEDY.model_copy(update={"subsystems": ("mesh",)})
    theirs = OTHER.model_copy(update={"subsystems": ("billing",)})
    both = Remedies(remedies=(mine, theirs))
    assert both.within(frozenset({"mesh"})).remedies == (mine,)
    assert both.matching("billing", frozenset({METRIC})) == (theirs,)
