"""What governance needs to know is asked for, once, and time alone wakes it."""

from datetime import UTC, datetime, timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.inspection import Owned, RepositoryRules
from grace.domain.lifecycle.merging import withdrawn
from grace.domain.phase import Phase, Severity
from grace.domain.policy import Approvals, AutoMerge, Solo
from grace.domain.results import ArtifactReport
from grace.domain.rules.evaluate import wakes
from grace.domain.rules.language import RepositoryPolicy
from grace.domain.surroundings import MergeFact
from support.cases import made_good, make_rule
from support.governed import grave, keys, label, merges, noted, ruled
from support.phases import say
from support.world import START, World, issue_body, make_policy


def test_the_patch_is_inspected_once():
    world = World().file().ci().review()
    assert world.mission.phase is Phase.OBSERVING
    assert len(world.asked(fx.InspectPatch)) == 1


def test_nothing_merges_before_the_patch_was_read():
    world = World(waits=(fx.InspectPatch,)).file().ci().review()
    assert world.mission.phase is Phase.GATING
    world.waits = ()
    assert world.settle().mission.phase is Phase.OBSERVING


def test_an_inspection_that_failed_is_asked_for_again_after_a_resume():
    world = World(waits=(fx.InspectPatch,)).file().ci().review()
    world.fail(fx.InspectPatch, "git is busy")
    assert "git is busy" in world.mission.held
    world.waits = ()
    world.command("resume")
    assert world.mission.phase is Phase.OBSERVING
    assert keys(world, "inspect/") == [f"inspect/{world.mission.attempts[0].head}/1"]


def test_each_head_is_inspected():
    world = World().file().ci()
    say(world, "retry")
    assert [e.head for e in world.asked(fx.InspectPatch)] == [
        a.head for a in world.mission.attempts
    ]


def test_a_label_counts_when_it_is_known_who_put_it_on():
    world = ruled({"labels": {"all_of": ["tested"]}}).file().ci().review()
    label(world, "other")
    assert keys(world, "permission/label") == []
    label(world, "tested", "tara")
    assert world.mission.phase is Phase.GATING
    world.now += timedelta(seconds=1)
    label(world, "Tested", "max")
    assert world.mission.phase is Phase.OBSERVING
    assert [e.login for e in world.asked(fx.ReadPermission) if "label" in e.about] == [
        "tara",
        "max",
    ]


def test_a_label_that_a_predicate_looks_at_is_asked_about_too():
    rule = make_rule("big", {"not": {"labels": ["trivial"]}}, {"change_size": {"lines": 1}})
    world = World(policy=make_policy(rules=(rule,))).file().ci().review()
    assert world.mission.phase is Phase.GATING
    assert label(world, "trivial", None).mission.phase is Phase.GATING
    world.now += timedelta(seconds=1)
    assert label(world, "trivial", "max").mission.phase is Phase.OBSERVING


def test_a_repository_looks_at_labels_by_its_own_file():
    own = RepositoryPolicy(
        version=1, rules=(make_rule("own", {"labels": ["risky"]}, {"change_size": {"lines": 1}}),)
    )
    world = World(inspection={"rules": RepositoryRules(policy=own)}).file()
    label(world, "risky", "rita")
    assert world.ci().review().mission.phase is Phase.GATING
    assert [e.login for e in world.asked(fx.ReadPermission) if "label" in e.about] == ["rita"]


IN_TEAM = {"approvals": {"team": "acme/core"}}


def test_a_team_is_asked_about_once_there_is_an_approver():
    world = ruled(IN_TEAM).file().ci()
    assert world.asked(fx.ReadTeam) == []
    world.teams = {"acme/core": ("rita",)}
    assert world.review().mission.phase is Phase.OBSERVING
    assert len(world.asked(fx.ReadTeam)) == 1


def test_who_is_in_no_team_does_not_count():
    world = ruled(IN_TEAM).file().ci().review()
    assert world.mission.phase is Phase.GATING
    assert len(world.asked(fx.ReadTeam)) == 1


def test_who_left_the_team_before_the_merge_does_not_count():
    world = ruled(IN_TEAM)
    world.teams = {"acme/core": ("rita",)}
    world.file().review()
    world.now += timedelta(minutes=10)
    world.teams = {}
    world.ci()
    assert world.mission.phase is Phase.GATING
    assert merges(world) == []
    assert len(world.asked(fx.ReadTeam)) == 2


def test_who_is_in_the_team_still_counts_after_a_second_look():
    world = ruled(IN_TEAM)
    world.teams = {"acme/core": ("rita",)}
    world.file().review()
    world.now += timedelta(minutes=10)
    assert world.ci().mission.phase is Phase.OBSERVING


def test_bundles_are_verified_once_for_each_run_of_ci():
    wanted = {"artifacts": ["*.whl"], "identity": "me@x.test", "issuer": "it"}
    world = ruled({"attestations": wanted}).file()
    found = ev.AttestedArtifact(name="a.whl", sha256="d" * 64, identity="me@x.test", issuer="it")
    world.attested = (found,)
    world.ci().review()
    assert world.asked(fx.VerifyAttestations) == []
    assert world.mission.phase is Phase.GATING
    artifact = ArtifactReport(name="a.whl", sha256="d" * 64, bundle="{}")
    report = world.facts.reports[world.head].model_copy(update={"artifacts": (artifact,)})
    for attempt in (2, 2, 3):
        told = report.model_copy(update={"run_attempt": attempt})
        world.deliver(ev.ResultsReported(report=told))
        world.settle()
    assert len(world.asked(fx.VerifyAttestations)) == 1
    assert world.mission.phase is Phase.OBSERVING


def test_a_freeze_wakes_at_its_end_and_merges():
    frozen = {"freeze": {"weekly": [{"days": ["sun"], "start": "08:00", "until": "10:00"}]}}
    world = ruled(frozen).file().ci().review()
    assert world.mission.phase is Phase.GATING
    assert world.wake_at <= datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    while world.mission.phase is Phase.GATING:
        world.now = world.wake_at
        world.deliver(ev.Ticked())
        world.settle()
    assert world.now == datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def test_a_freeze_that_begins_after_the_verdict_withdraws_the_merge():
    frozen = {"freeze": {"weekly": [{"days": ["sun"], "start": "10:00", "until": "12:00"}]}}
    world = ruled(frozen)
    world.waits = (fx.MergePull,)
    world.file().ci().review()
    assert world.mission.phase is Phase.MERGING
    assert withdrawn(world.case()) is None
    world.now = START + timedelta(hours=1)
    assert "frozen until 2026-11-22 12:00 UTC" in withdrawn(world.case())


def test_a_wait_and_a_cap_wake_when_they_end():
    world = ruled({"wait": {"minutes": 20}}).file().ci().review()
    assert world.mission.phase is Phase.GATING
    assert world.wake_at <= START + timedelta(minutes=20)
    capped = ruled({"daily_cap": {"merges": 1}})
    before = START - timedelta(hours=23, minutes=50)
    done = MergeFact(mission="m", subsystem="trigger_mesh", basis="approvals", at=before)
    capped.facts = capped.facts.model_copy(update={"merges": (done,)})
    capped.file().ci().review()
    assert capped.mission.phase is Phase.GATING
    assert capped.wake_at <= START + timedelta(minutes=10)
    assert capped.tick(600).mission.phase is Phase.OBSERVING


def test_a_freeze_without_end_is_looked_at_each_day():
    world = ruled({"freeze": {"dates": [{"first": "2026-11-01", "last": "2027-02-01"}]}})
    assert START + timedelta(days=1) in set(wakes(world.file().ci().case()))


def test_alone_a_maintainer_waits_and_is_woken():
    world = World(policy=make_policy(solo=Solo(maintainer="alice", wait_minutes=20)))
    world.file(issue_body(window="30")).ci()
    assert world.mission.phase is Phase.GATING
    assert world.wake_at <= START + timedelta(minutes=20)
    world.tick(20 * 60 - 1)
    assert world.mission.phase is Phase.GATING
    world.tick(1)
    assert world.mission.phase is Phase.OBSERVING
    assert world.mission.basis == "solo"


ERRORS = {"metric": {"metric_id": "error_rate", "comparator": "<", "target": 5}}


def test_a_metric_that_a_rule_looks_at_is_sampled_until_it_holds():
    world = ruled(ERRORS).file().ci().review()
    for n in range(2):
        assert world.mission.phase is Phase.GATING
        assert len(world.facts.samples) == n + 1
        assert world.wake_at == world.now + timedelta(seconds=10)
        world.tick(10)
    assert world.mission.phase is Phase.OBSERVING


def test_a_metric_that_is_not_in_the_catalog_is_never_sampled():
    rule = {"metric": {**ERRORS["metric"], "metric_id": "gone"}}
    world = ruled(rule).file().ci().review()
    assert world.asked(fx.SampleMetrics) == []
    assert world.mission.phase is Phase.GATING


@pytest.mark.parametrize("severity", [Severity.LOW, Severity.CRITICAL])
def test_the_record_says_who_ended_how_and_on_what_basis(severity):
    world = World().file(grave(severity)).ci().review().review("max")
    world.deploy().observe()
    (closed,) = noted(world, "closed")
    assert closed["outcome"] == "fixed"
    assert closed["agent"] == world.mission.trusted_as
    assert closed["subsystem"] == "trigger_mesh"
    assert closed["severity"] == severity.value
    assert closed["basis"] == "approvals"


def test_a_merge_by_hand_is_nobodys_approval():
    world = World().file().ci()
    world.merge_by_hand(2, world.mission.attempts[0].tree)
    world.deploy().observe()
    (closed,) = noted(world, "closed")
    assert (closed["outcome"], closed["basis"]) == ("fixed", "none")


def test_a_good_record_merges_a_small_change_and_is_no_approval():
    world = World(policy=make_policy(auto_merge=AutoMerge()))
    world.file(grave(Severity.LOW))
    agent = world.mission.trusted_as
    past = tuple(made_good(n + 1, agent=agent) for n in reversed(range(30)))
    world.facts = world.facts.model_copy(update={"history": past})
    world.ci()
    assert world.mission.phase is Phase.OBSERVING
    assert world.mission.basis == "trust"
    assert [m.approved_by for m in merges(world)] == [()]


def test_where_no_approval_is_asked_for_the_record_says_so():
    world = World(policy=make_policy(approvals=Approvals(low=0)))
    world.file(grave(Severity.LOW)).ci()
    assert world.mission.phase is Phase.OBSERVING
    assert world.mission.basis == "none"


def test_a_team_of_owners_is_asked_about():
    world = ruled({"approvals": {"code_owners": True}})
    owned = (Owned(owners=("@acme/core", "@sam", "x@forge.test"), paths=("mesh.py",)),)
    world.inspection = {"owned": owned, "owners_known": True}
    world.teams = {"acme/core": ("rita",)}
    world.file().ci().review("max")
    assert world.mission.phase is Phase.GATING
    world.review()
    assert world.mission.phase is Phase.OBSERVING
    assert [(e.team, e.login) for e in world.asked(fx.ReadTeam)] == [
        ("acme/core", "max"),
        ("acme/core", "rita"),
    ]
