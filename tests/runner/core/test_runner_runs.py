"""A run on a real target: done, reported, refused, taken back, and the same run twice."""

from dataclasses import dataclass, replace

import pytest

from grace.domain.playbooks.action import TargetKind
from grace.domain.playbooks.record import WORD, Closed
from grace.domain.playbooks.run import RunState, StepState
from grace.runner.carry import Errand, carry_out
from grace.runner.errors import TargetBusy
from grace.runner.locks import alone_with
from grace.runner.targets import Target
from support.fake_actions import make_target
from support.playbooks import SPECS, order, step

TWO = (step("first"), step("second"))


@dataclass
class Held:
    """A lease that a test takes away, or withdraws the run of."""

    lost: bool = False
    withdrawn: str | None = None


async def test_a_run_does_its_steps_and_says_how_each_went(work):
    work.settings["heals"] = "second"
    report = await work.run(*TWO)
    assert (report.state, report.sentence) == (RunState.HEALED, "it is well")
    assert [(s.step, s.state.value) for s in report.steps] == [
        ("first", "done"),
        ("second", "done"),
        ("well", "done"),
    ]
    assert all(s.started_at <= s.ended_at for s in report.steps)
    assert work.done == {"first": 1, "second": 1}
    numbers = [r.number for r in work.told]
    assert numbers == sorted(set(numbers))
    assert work.told[-1] == report
    assert work.said[-1] == "orders-db: mend-it: healed: it is well"


async def test_a_second_run_finds_all_of_it_done(work):
    await work.run(*TWO)
    report = await work.run(*TWO, id="mission_20261122_001/run/2.1")
    assert [s.state for s in report.steps[:2]] == [StepState.NEEDLESS, StepState.NEEDLESS]
    assert work.done == {"first": 1, "second": 1}


async def test_a_run_that_is_over_is_told_again_and_not_done_again(work):
    first = await work.run(*TWO)
    before = work.words(order(*TWO))
    again = await work.carry(order(*TWO), first=100)
    assert (again.state, again.steps) == (first.state, first.steps)
    assert again.number > 100
    assert [WORD.dump_json(w) for w in work.words(order(*TWO))[: len(before)]] == [
        WORD.dump_json(w) for w in before
    ]
    assert work.done == {"first": 1, "second": 1}


async def test_a_dry_run_changes_nothing(work):
    before = (work.folder / "target/target.db").read_bytes()
    report = await work.run(*TWO, mode="dry_run")
    assert report.state is RunState.NOT_HEALED
    assert (work.folder / "target/target.db").read_bytes() == before


async def test_the_wrong_target_is_not_touched(work):
    work.settings = make_target(work.folder / "other", "payroll")
    before = (work.folder / "other/target.db").read_bytes()
    report = await work.run(*TWO)
    assert report.state is RunState.REFUSED
    assert report.sentence == "this is payroll, not orders; nothing was done"
    assert (work.folder / "other/target.db").read_bytes() == before


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"kind": "redis"}, "orders-db is sqlite here, and the playbook is for sqlite, ordered as"),
        ({"playbook": {"healed": step("well", "new")}}, "the playbook cannot be run here: healed."),
    ],
)
async def test_what_this_runner_cannot_do_is_refused(work, more, told):
    ordered = order(*TWO)
    if "playbook" in more:
        book = ordered.playbook.model_dump() | more["playbook"]
        more = {"playbook": type(ordered.playbook).model_validate(book)}
    else:
        more = {"kind": TargetKind.REDIS}
    report = await work.carry(ordered.model_copy(update=more))
    assert report.state is RunState.REFUSED
    assert report.sentence.startswith(told)
    assert work.told == [report]
    assert work.done == {}


async def test_a_target_that_this_runner_has_not_is_refused(work):
    report = await carry_out(work.bench, Errand(order(*TWO), work.hold, work.tell), None)
    assert report.sentence == "this runner knows no target orders-db: name it in runner.yaml"


async def test_what_was_done_is_taken_back_where_a_step_fails(work):
    work.settings["act_second"] = "fail"
    report = await work.run(*TWO)
    assert report.state is RunState.UNDONE
    assert work.done == {}


async def test_a_person_is_waited_for_and_the_run_goes_on_with_what_they_agreed_to(work):
    work.settings["heals"] = "second"
    steps = (step("first"), step("second", "swap"))
    waits = await work.run(*steps)
    assert (waits.state, waits.waiting_for) == (RunState.NEEDS_PERSON, "second")
    more = {
        "id": "mission_20261122_001/run/1.2",
        "first": "mission_20261122_001/run/1.1",
        "approved": {"second": "ann"},
        "resumes": waits.steps,
    }
    report = await work.run(*steps, **more)
    assert report.state is RunState.HEALED
    assert work.done == {"first": 1, "second": 1}
    undo = {**more, "id": "mission_20261122_001/run/1.3", "mode": "undo", "resumes": report.steps}
    report = await work.run(*steps, **undo)
    assert (report.state, work.done) == (RunState.UNDONE, {})


async def test_a_run_whose_lease_is_lost_stops_before_the_next_call(work):
    held = work.hold = Held()
    calls = work.calls

    class Losing:
        async def call(self, request, seconds, log, lock):
            held.lost = request.doing == "act"
            return await calls.call(request, seconds, log, lock)

    work.calls = Losing()
    assert await work.run(*TWO) is None
    assert work.done == {"first": 1}
    held.lost = False
    work.calls, work.settings["heals"] = calls, "second"
    assert (await work.run(*TWO)).state is RunState.HEALED
    assert work.done == {"first": 1, "second": 1}


async def test_a_run_that_is_withdrawn_takes_back_and_ends(work):
    held = work.hold = Held()

    async def tell(report):
        work.told.append(report)
        if any(s.step == "first" for s in report.steps):
            held.withdrawn = "the mission is held"

    work.tell = tell
    report = await work.run(*TWO)
    assert report.state is RunState.WITHDRAWN
    assert work.done == {}


async def test_a_target_is_acted_on_by_one_process_at_a_time(work):
    busy = pytest.raises(TargetBusy, match="another process acts on orders-db")
    with alone_with(work.bench.state, "orders-db"), busy:
        await work.run(*TWO)
    assert (await work.run(*TWO)).state is RunState.NOT_HEALED


async def test_a_secret_is_in_nothing_that_is_said_or_written(work):
    work.settings["password"] = "sesame-open"
    work.secrets = ("sesame-open",)
    report = await work.run(*TWO)
    assert report.steps[0].found["secret"] == "(secret)"
    for file in (work.folder / "state").rglob("*"):
        assert not file.is_file() or b"sesame-open" not in file.read_bytes(), file
    assert "sesame-open" not in "".join(work.said)
    assert "sesame-open" not in "".join(r.model_dump_json() for r in work.told)


async def test_a_playbook_that_ends_in_a_patch_reports_it(work):
    report = await work.run(step("first"), step("second", "propose"))
    assert (report.state, report.diff) == (RunState.HEALED, "diff --git a/x b/x")


async def test_runs_of_different_targets_do_not_wait_for_each_other(work):
    other = Target("cache", TargetKind.SQLITE, make_target(work.folder / "other"))
    with alone_with(work.bench.state, "orders-db"):
        ordered = order(*TWO, target="cache", id="mission_20261122_001/run/9.1")
        assert (await work.carry(ordered, other)).state is RunState.NOT_HEALED


async def test_the_journal_says_of_each_step_what_the_report_says(work):
    report = await work.run(*TWO)
    closed = [w.report for w in work.words(order(*TWO)) if isinstance(w, Closed)]
    assert tuple(closed) == report.steps
    assert replace(work.bench).actions is SPECS
