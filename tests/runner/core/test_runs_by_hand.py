"""Runs that somebody starts on the target's machine, goes on with, and takes back."""

import pytest

from grace.domain.playbooks.record import Over
from grace.domain.playbooks.run import RunState
from grace.runner.by_hand import following, order_of, standing_named, standings, undoing
from grace.runner.errors import RunnerError
from grace.runner.journal import Journal
from support.playbooks import START, playbook, step

STEPS = (step("first"), step("second", "swap"))


def by_hand(work, *steps, dry=False, **approved):
    return order_of(playbook(*steps), work.target, START, approved, dry=dry)


async def test_a_run_by_hand_waits_for_a_person_goes_on_and_is_taken_back(work):
    ordered = by_hand(work, *STEPS)
    assert ordered.id == "by-hand/mend-it/20261122T120000.000000"
    assert (await work.carry(ordered)).state is RunState.NEEDS_PERSON
    waits = standing_named(work.bench.state, ordered.id)
    with pytest.raises(RunnerError, match="second needs a named person: --approve second=LOGIN"):
        following(waits, {})
    later = following(waits, {"second": "ann"})
    assert (later.id, later.first) == (f"{ordered.id}.2", ordered.id)
    assert (later.approved, later.agreed) == ({"second": "ann"}, {"second": ""})
    assert (await work.carry(later)).state is RunState.NOT_HEALED
    assert work.done == {"first": 1, "second": 1}
    over = standing_named(work.bench.state, ordered.id)
    assert over.order == later
    with pytest.raises(RunnerError, match="is over: all steps are over"):
        following(over, {})
    undo = undoing(over)
    assert (undo.id, undo.mode) == (f"{ordered.id}.3", "undo")
    assert (await work.carry(undo)).state is RunState.UNDONE
    assert work.done == {}


async def test_a_run_that_was_cut_off_is_the_same_run(work):
    ordered = by_hand(work, *STEPS, second="ann")
    await work.carry(ordered)
    path = Journal.of(work.bench.state, ordered).folder / "journal"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:6]))
    (cut,) = standings(work.bench.state)
    assert cut.over is None
    assert following(cut, {}) == ordered
    with pytest.raises(RunnerError, match="is not over"):
        undoing(cut)
    assert (await work.carry(following(cut, {}))).state is RunState.NOT_HEALED
    assert work.done == {"first": 1, "second": 1}


async def test_taking_back_that_was_cut_off_goes_on(work):
    ordered = by_hand(work, step("first"))
    await work.carry(ordered)
    undo = undoing(standing_named(work.bench.state, ordered.id))
    await work.carry(undo)
    path = Journal.of(work.bench.state, ordered).folder / "journal"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    cut = standing_named(work.bench.state, ordered.id)
    assert undoing(cut) == undo
    assert (await work.carry(undo)).state is RunState.UNDONE
    assert isinstance(work.words(undo)[-1], Over)


async def test_a_dry_run_by_hand_is_one(work):
    report = await work.carry(by_hand(work, *STEPS, dry=True))
    assert report.sentence.startswith("nothing was changed")
    assert work.done == {}


def test_a_run_that_nobody_knows_is_not_found(work):
    with pytest.raises(RunnerError, match="no run x is known here"):
        standing_named(work.bench.state, "x")
    (work.bench.state / "runs/empty").mkdir(parents=True)
    (work.bench.state / "runs/empty/journal").touch()
    assert standings(work.bench.state) == []
