"""What a runner does next: a pure function of its order and of all that is written down so far.

A run that was cut off anywhere is gone on with by asking again. What was begun and has no outcome
is looked at first, and done again only where it is not so.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

from grace.domain.playbooks.action import ActionSpec
from grace.domain.playbooks.playbook import Step
from grace.domain.playbooks.progress import progress_of
from grace.domain.playbooks.record import END, START, Failed, Intended, Looked, TakenBack, Word
from grace.domain.playbooks.run import RunOrder, RunState, StepState
from grace.domain.playbooks.stepping import carry_step, dry_step
from grace.domain.playbooks.things import MOST_TRIES, Close, Do, End, Run, Thing, shortened

_MOST: int = 2000


def next_thing(
    order: RunOrder,
    words: Sequence[Word],
    actions: Mapping[str, ActionSpec],
    earlier: Sequence[Word] = (),
) -> Thing:
    """Say what is next in a run of a checked playbook; following it always comes to an `End`.

    `earlier`: what is written down of earlier runs of the same try.
    """
    progress = progress_of(order, words, earlier)
    if progress.over:
        over = progress.over[-1]
        return End(over.state, over.sentence, over.waiting_for, over.diff)
    if progress.wrong:
        state = RunState.FAILED if progress.touched else RunState.REFUSED
        return End(state, progress.wrong[0].sentence)
    run = Run(order, progress, actions)
    match order.mode:
        case "run":
            return _run(run)
        case "dry_run":
            return _dry_run(run)
        case "undo":
            return _take_back(run, order.playbook.steps, "")
        case _ as never:
            assert_never(never)


def _run(run: Run) -> Thing:
    """Look whether there is anything to heal, do the steps, look whether it is healed."""
    playbook, progress = run.order.playbook, run.progress
    for i, step in enumerate(playbook.steps):
        failure = progress.failures.get(step.id)
        if failure is not None and step.then != "continue":
            told = f"step {step.id} failed: {failure.sentence}"
            if step.then == "stop":
                return End(RunState.FAILED, shortened(told, _MOST))
            return _take_back(run, playbook.steps[: i + 1], told)
    if progress.withdrawn:
        stop = _stopped(run)
        if stop is not None:
            return stop
    start = progress.healed.get(START)
    if start is None:
        return Do("look", playbook.healed, START)
    if isinstance(start, Looked) and start.holds:
        return End(RunState.HEALED, f"there is nothing to heal: {start.sentence}")
    for step in playbook.steps:
        report = progress.reports.get(step.id)
        if report is None:
            return carry_step(run, step)
        if report.state is StepState.NEEDS_PERSON:
            return End(RunState.NEEDS_PERSON, report.sentence, waiting_for=step.id)
    return _end(run)


def _dry_run(run: Run) -> Thing:
    """Look what each step would find and do; change nothing."""
    start = run.progress.healed.get(START)
    if start is None:
        return Do("look", run.order.playbook.healed, START)
    for step in run.order.playbook.steps:
        if step.id not in run.progress.reports:
            return dry_step(run, step)
    healed = isinstance(start, Looked) and start.holds
    told = f"nothing was changed; as it is now: {start.sentence}"
    return End(RunState.HEALED if healed else RunState.NOT_HEALED, told, diff=_diff(run))


def _stopped(run: Run) -> Thing | None:
    """Stop before the next step, by that step's rule for failures; None: one is under way."""
    steps, told = run.order.playbook.steps, run.progress.withdrawn[0].reason
    following = next((s for s in steps if s.id not in run.progress.reports), None)
    if following is None:
        return None
    if any(isinstance(w, Intended) for w in run.progress.of(following.id)):
        return None
    if following.then != "undo":
        return End(RunState.WITHDRAWN, f"it was stopped: {told}")
    done = steps[: steps.index(following)]
    thing = _take_back(run, done, f"it was stopped: {told}")
    return End(RunState.WITHDRAWN, thing.sentence) if isinstance(thing, End) else thing


def _take_back(run: Run, steps: Sequence[Step], why: str) -> Thing:
    """Take back what these steps did, the last first, and end."""
    progress = run.progress
    back: list[str] = []
    stays: list[str] = []
    for step in reversed(steps):
        report = progress.reports.get(step.id)
        if report is None or not run.spec(step).undo:
            continue
        if report.state is StepState.UNDONE:
            back.append(step.id)
        elif report.state is StepState.DONE or step.id in progress.touched:
            thing = _undo(run, step)
            if thing is not None:
                return thing
            stays.append(step.id)
    told = [
        *([why] if why else []),
        *([f"taken back: {', '.join(back)}"] if back else []),
        *([f"could not be taken back: {', '.join(stays)}"] if stays else []),
        *([] if back or stays else ["there was nothing to take back"]),
    ]
    state = RunState.UNDONE if back and not stays else RunState.FAILED
    return End(state, shortened("; ".join(told), _MOST))


def _undo(run: Run, step: Step) -> Do | Close | None:
    """Take one step back; None: that failed, or was begun too often."""
    said = run.progress.of(step.id)
    if said and isinstance(said[-1], TakenBack):
        return run.close(step, StepState.UNDONE, said[-1].sentence)
    if step.id in run.progress.undo_failed:
        return None
    if run.progress.undone.get(step.id, 0) >= MOST_TRIES:
        return None
    return Do("undo", step)


def _end(run: Run) -> Thing:
    """Look whether it is healed; a playbook that ends in a patch has done its part."""
    healed, diff = run.order.playbook.healed, _diff(run)
    if diff is not None:
        last = run.progress.reports[run.order.playbook.steps[-1].id]
        return End(RunState.HEALED, f"it ends in a patch: {last.sentence}", diff=diff)
    match run.progress.healed.get(END):
        case None:
            return Do("look", healed, END)
        case Looked() as seen if healed.id not in run.progress.reports:
            return run.close(healed, StepState.DONE, seen.sentence)
        case Looked(holds=True, sentence=sentence):
            return End(RunState.HEALED, sentence)
        case Looked(sentence=sentence) | Failed(sentence=sentence):
            return End(RunState.NOT_HEALED, f"all steps are over, and it is not: {sentence}")
        case _ as never:
            assert_never(never)


def _diff(run: Run) -> str | None:
    """Return the patch that the playbook ends in."""
    proposing = [s.id for s in run.order.playbook.steps if run.spec(s).proposes]
    return next((d for s, d in run.progress.diffs.items() if s in proposing), None)
