"""What CI answers, and missions in parallel."""

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.phase import Outcome, Phase
from grace.domain.policy import Tests as Suites
from grace.domain.surroundings import Rival
from support.phases import review
from support.world import CI_APP, World, issue_body, make_policy, make_report, sha

RITA = ev.Actor(login="rita")


def report(world, **changes):
    attempt = world.mission.attempt
    made = make_report(attempt.head, attempt.tree, base=attempt.base).model_copy(update=changes)
    world.deliver(ev.ResultsReported(report=made))
    return world.settle()


def test_ci_that_says_nothing_is_asked_and_then_given_up():
    world = World().file()
    world.tick(299)
    assert world.asked(fx.ReadPull) == []
    world.tick(1)
    assert len(world.asked(fx.ReadPull)) == 1
    world.tick(1)
    assert len(world.asked(fx.ReadPull)) == 1
    world.tick(3600)
    assert world.mission.outcome is Outcome.FAILED
    assert "CI did not report within 60 minutes" in world.mission.attempts[0].failure


def test_the_clock_is_set_for_the_next_question_and_for_the_end():
    rules = Suites(timeout_minutes=8, ask_after_minutes=5, ci_app_ids=(CI_APP,))
    world = World(policy=make_policy(tests=rules)).file()
    assert (world.wake_at - world.now).total_seconds() == 300
    world.tick(300)
    assert (world.wake_at - world.now).total_seconds() == 180


def test_a_question_waits_while_ci_is_heard():
    world = World().file().tick(200)
    world.jobs("success", "unit").tick(150)
    assert world.asked(fx.ReadPull) == []


def test_the_read_of_a_silent_pull_request_brings_what_webhooks_lost():
    world = World().file()
    head = world.head
    checks = tuple(
        ev.CheckSeen(id=n, name=n, sha=head, app_id=CI_APP, conclusion="success", at=world.now)
        for n in ("unit", "integration", "stress")
    )
    given = review(world, sha=head, actor=RITA)
    world.deliver(ev.ChangeRead(pull=world.pull(), reviews=(given,), checks=checks))
    world.settle()
    assert report(world).mission.phase is Phase.OBSERVING


def test_a_job_that_broke_without_a_report_ends_the_attempt_after_patience():
    world = World().file().jobs("failure", "unit")
    assert world.mission.phase is Phase.TESTING
    assert "ended with failure; no report yet" in world.verdict.root.children[0].reason
    world.tick(300)
    assert "CI job unit ended with failure" in world.mission.attempts[0].failure
    assert world.mission.outcome is Outcome.FAILED


def test_a_report_that_follows_a_broken_job_decides_by_itself():
    world = World().file().jobs("failure", "unit")
    report(world)
    assert "job unit: the forge says failure" in world.mission.attempts[0].failure


def test_a_report_about_an_older_head_decides_nothing():
    world = World().file(issue_body(candidates=2))
    old = world.mission.attempt
    world.ci(passed=False)
    late = make_report(old.head, old.tree, base=old.base, run_id=9)
    world.jobs()
    world.deliver(ev.ResultsReported(report=late))
    assert world.mission.phase is Phase.TESTING


def test_an_earlier_run_of_the_same_head_does_not_replace_the_later_one():
    world = World().file().jobs()
    report(world, run_id=5)
    failed = make_report(world.head, world.mission.attempt.tree, passed=False, run_id=4)
    world.deliver(ev.ResultsReported(report=failed))
    assert world.mission.phase is Phase.GATING


def test_a_report_about_another_base_is_waited_for():
    world = World().file().jobs()
    report(world, base_sha=sha("older base"))
    assert world.mission.phase is Phase.TESTING
    assert "the report is about base" in world.verdict.root.children[0].reason


def test_a_report_about_another_tree_fails_the_attempt():
    world = World().file().jobs()
    report(world, tree=sha("another tree"))
    assert "CI tested tree" in world.mission.attempts[0].failure


def test_a_check_that_turns_red_after_the_gates_takes_the_attempt_back():
    world = World().file(issue_body(candidates=2)).ci()
    assert world.mission.phase is Phase.GATING
    world.jobs("failure", "unit")
    assert world.mission.phase is Phase.TESTING
    assert len(world.mission.attempts) == 2


def test_a_patch_that_does_not_apply_is_a_failed_attempt():
    world = World(waits=(fx.PushPatch,)).file(issue_body(candidates=2))
    world.deliver(ev.PatchRefused(attempt=2, reason="of another attempt"))
    assert world.mission.attempt.number == 1
    world.deliver(ev.PatchRefused(attempt=1, reason="does not apply"))
    assert world.mission.attempt.number == 2
    world.deliver(ev.PatchRefused(attempt=2, reason="outside the bounds"))
    assert world.mission.outcome is Outcome.FAILED
    assert "outside the bounds" in world.mission.reason
    assert world.asked(fx.ClosePull) == []


def test_attempts_are_bounded_by_policy():
    world = (
        World(policy=make_policy(max_attempts=1)).file(issue_body(candidates=2)).ci(passed=False)
    )
    assert world.mission.outcome is Outcome.FAILED


def test_a_failed_attempt_is_told_on_its_own_commit_and_in_the_pull_request():
    world = World().file(issue_body(candidates=2))
    head = world.head
    world.ci(passed=False)
    check = next(e for e in world.asked(fx.PublishCheck) if e.sha == head)
    assert (check.name, check.conclusion) == ("mission/governance", "failure")
    assert "attempt 1, `patch-1`" in world.asked(fx.PublishComment)[-1].body


def rival(world, phase, *, paths=("mesh.py",), older=True):
    urgency = (0 if older else 3, world.now, "mission_20261122_000")
    other = Rival(
        uid=world.mission.uid,
        name="mission_20261122_000",
        phase=phase,
        paths=paths,
        urgency=urgency,
    )
    world.facts = world.facts.model_copy(update={"rivals": (other,)})
    return world


def test_the_same_paths_are_taken_one_after_another():
    world = rival(World(), Phase.TESTING).file()
    assert world.mission.phase is Phase.PLANNING
    assert "mission_20261122_000 works on mesh.py first" in world.verdict.root.holding().reason
    rival(world, Phase.CLOSED).tick()
    assert world.mission.phase is Phase.TESTING
    assert world.mission.forge_says == ""


def test_more_missions_than_the_limit_wait_for_the_more_urgent():
    world = rival(World(policy=make_policy(max_parallel=1)), Phase.TESTING, paths=("other",)).file()
    assert world.mission.phase is Phase.PLANNING
    assert "1 missions run" in world.verdict.root.holding().reason
