"""Who proposes does not approve: not under a new name, not by another diff, not by a moved branch."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.lifecycle.merging import withdrawn
from grace.domain.phase import Phase
from support.phases import say, world_in
from support.reports import sha
from support.world import CI_APP, World, issue_body


def by_ref() -> str:
    """Write a contract whose candidate is a branch."""
    return (
        "```yaml\nsubsystem_id: trigger_mesh\nseverity: high\nsymptoms:\n"
        "  - description: slow\nacceptance_criteria:\n  must_pass_tests: [tests.test_mesh.test_it]\n"
        "workspace:\n  patch_candidates:\n    - {name: fix, ref: rita-branch}\n```\n"
    )


def test_a_branch_is_pinned_when_the_mission_starts_and_moving_it_changes_nothing():
    world = World().file(by_ref())
    (pushed,) = world.asked(fx.PushPatch)
    assert pushed.candidate.ref == sha("tip of rita-branch")
    assert world.mission.pins == {"fix": sha("tip of rita-branch")}
    world.deliver(ev.RefRead(candidate="fix", ref="rita-branch", sha=sha("moved")))
    world.settle()
    say(world, "retry", argument="fix")
    assert {e.candidate.ref for e in world.asked(fx.PushPatch)} == {sha("tip of rita-branch")}
    pinned = [n.payload["sha"] for n in world.notes if n.kind == "mission.candidate_pinned"]
    assert pinned == [sha("tip of rita-branch")]


def test_an_answer_about_an_earlier_contract_pins_nothing():
    world = World(waits=(fx.ReadRef,)).file(by_ref())
    late = ev.RefRead(candidate="fix", ref="another-branch", sha=sha("another"))
    world.deliver(late)
    assert world.mission.pins == {}
    world.waits = ()
    world.settle()
    assert world.mission.pins == {"fix": sha("tip of rita-branch")}


def test_a_branch_that_is_not_there_holds_and_is_asked_for_again():
    world = World(waits=(fx.ReadRef,)).file(by_ref())
    world.fail(fx.ReadRef, "the repository has no branch rita-branch")
    assert "rita-branch" in world.mission.held
    assert world.asked(fx.PushPatch) == []
    world.waits = ()
    world.command("resume")
    assert len(world.asked(fx.PushPatch)) == 1


def person(login: str, number: int) -> ev.Actor:
    return ev.Actor(login=login, id=number)


def issue(world: World, author: ev.Actor, sender: ev.Actor, **changes: object) -> ev.IssueSeen:
    told = {
        "number": 1,
        "title": "Slow",
        "body": issue_body(),
        "author": author,
        "sender": sender,
        "updated_at": world.now,
    }
    return ev.IssueSeen.model_validate(told | changes)


def test_a_new_login_is_the_same_person():
    world = World()
    world.permission["alice2"] = ev.Permission.WRITE
    alice = person("alice", 1)
    world.deliver(issue(world, alice, alice))
    world.settle().ci()
    renamed = person("alice2", 1)
    review = ev.ReviewSeen(
        id="r", pull=2, state="approved", sha=world.head, actor=renamed, at=world.now
    )
    world.deliver(review)
    world.settle()
    say(world, "approve", "alice2", actor=renamed)
    assert world.mission.phase is Phase.GATING
    assert "who proposes does not approve" in world.replies()[-1]


def test_two_names_of_one_person_are_one_voice():
    world = World().file(issue_body().replace("high", "critical")).ci()
    for login in ("rita", "rita2"):
        world.permission[login] = ev.Permission.WRITE
        world.deliver(
            ev.ReviewSeen(
                id=login,
                pull=2,
                state="approved",
                sha=world.head,
                actor=person(login, 7),
                at=world.now,
            )
        )
        world.settle()
    assert world.mission.phase is Phase.GATING


def test_a_review_of_another_pull_request_of_our_branch_does_not_count():
    world = World().file().ci()
    for state in ("approved", "changes_requested"):
        review = ev.ReviewSeen(
            id=state,
            pull=99,
            state=state,
            sha=world.head,
            actor=person("rita", 7),
            at=world.now,
        )
        world.deliver(review)
        world.settle()
        assert world.mission.phase is Phase.GATING
    assert world.review().mission.phase is not Phase.GATING


@pytest.mark.parametrize("name", ["veto", "hold", "cancel"])
def test_what_may_stop_a_mission_is_not_overtaken_by_its_merge(name):
    world = World(waits=(fx.ReadPermission,)).file()
    world.waits = ()
    world.settle().ci()
    world.waits = (fx.ReadPermission,)
    say(world, name, "alice")
    world.waits = ()
    before = world.copy()
    before.waits = (fx.ReadPermission,)
    about = [e for e in before.pending if isinstance(e, fx.ReadPermission)]
    assert about
    review_known(before)
    assert before.asked(fx.MergePull) == []
    assert before.mission.phase is Phase.GATING
    world.settle()
    review_known(world)
    assert world.asked(fx.MergePull) == []


def review_known(world: World) -> None:
    """Let rita approve, and let it be known that she may."""
    review = ev.ReviewSeen(
        id="ok", pull=2, state="approved", sha=world.head, actor=person("rita", 7), at=world.now
    )
    world.deliver(review)
    read = ev.PermissionRead(login="rita", about="review:ok", permission=ev.Permission.WRITE)
    world.deliver(read)
    world.settle()


def test_an_objection_of_somebody_who_may_count_is_waited_for():
    world = World().file().ci()
    world.waits = (fx.ReadPermission,)
    world.review("sam", ev.ReviewState.CHANGES_REQUESTED)
    review_known(world)
    assert world.asked(fx.MergePull) == []
    assert withdrawn(world.case()) is not None


def test_a_merge_that_was_asked_for_is_withdrawn_while_somebody_stops_it():
    world = world_in(Phase.MERGING)
    world.waits = (fx.MergePull, fx.ReadPermission)
    assert withdrawn(world.case()) is None
    say(world, "veto", "alice")
    assert "asks to stop it" in (withdrawn(world.case()) or "")


@pytest.mark.parametrize("about", ["command", "review"])
def test_a_person_who_cannot_be_read_holds_nothing(about):
    world = world_in(Phase.GATING)
    world.waits = (fx.ReadPermission,)
    if about == "command":
        say(world, "veto", "ghost")
    else:
        world.review("ghost", ev.ReviewState.CHANGES_REQUESTED)
    world.fail(fx.ReadPermission, "no such user")
    assert world.mission.held is None
    assert world.mission.commands == ()
    review_known(world)
    world.waits = ()
    assert world.settle().mission.phase is Phase.OBSERVING


def test_everybody_who_edited_is_remembered_in_whatever_order_it_is_told():
    world = World()
    alice, rita, sam = person("alice", 1), person("rita", 2), person("sam", 3)
    world.now += timedelta(minutes=5)
    world.deliver(issue(world, alice, rita, edited=True))
    world.settle()
    older = world.now - timedelta(minutes=1)
    world.deliver(
        issue(world, alice, sam, edited=True, updated_at=older, body=issue_body(window="2"))
    )
    assert world.mission.authors == ("alice", "rita", "sam")
    assert world.mission.proposer_ids == {1, 2, 3}


def test_an_edit_that_is_told_after_its_text_was_read_is_an_edit():
    world = World()
    alice, rita = person("alice", 1), person("rita", 2)
    world.deliver(issue(world, alice, alice))
    world.settle()
    world.deliver(issue(world, alice, rita, edited=True))
    assert world.mission.authors == ("alice", "rita")


def test_who_only_labels_an_issue_did_not_write_it():
    world = World()
    alice, rita = person("alice", 1), person("rita", 2)
    world.deliver(issue(world, alice, alice))
    world.settle()
    world.deliver(issue(world, alice, rita))
    assert world.mission.authors == ("alice",)


def test_the_button_of_an_older_head_retries_nothing():
    world = World().file(issue_body(candidates=2)).ci(passed=False)
    old, new = world.mission.attempts[0].head, world.head
    say(world, "retry", comment="", sha=old)
    assert world.head == new
    assert f"The head is {new[:10]} now" in world.replies()[-1]


def test_an_approval_that_was_long_on_its_way_is_asked_for_again():
    world = world_in(Phase.GATING)
    written = world.now
    world.now += timedelta(minutes=6)
    say(world, "approve", at=written)
    assert world.mission.approvals == ()
    assert "approve again" in world.replies()[-1]


def test_a_cancelled_run_whose_successor_runs_fails_nothing():
    world = World().file()
    for run, conclusion in ((1, "cancelled"), (2, None)):
        world.deliver(
            ev.CheckSeen(
                id=f"unit-{run}",
                name="unit",
                sha=world.head,
                app_id=CI_APP,
                run_id=run,
                conclusion=conclusion,
                at=world.now,
            )
        )
    world.settle()
    first = world.head
    world.tick(600)
    assert world.head == first
    assert world.mission.phase is Phase.TESTING


def test_a_job_that_failed_ends_nothing_while_another_runs():
    world = World().file()
    for name, conclusion in (("unit", "failure"), ("stress", None)):
        world.deliver(
            ev.CheckSeen(
                id=name,
                name=name,
                sha=world.head,
                app_id=CI_APP,
                conclusion=conclusion,
                at=world.now,
            )
        )
    world.settle().tick(600)
    assert world.mission.phase is Phase.TESTING
    assert len(world.mission.attempts) == 1


def test_a_stranger_cannot_hold_his_own_started_mission_by_editing_it():
    world = World().file()
    for n in range(120):
        world.now += timedelta(seconds=1)
        world.file(issue_body(window=f"{n + 2}"))
    assert world.mission.held is None
