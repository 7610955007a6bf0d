"""One step of a run: is it needed, may it be done, was it done, is it so now."""

from typing import assert_never

from grace.domain.playbooks.planning import needs_person
from grace.domain.playbooks.playbook import Step
from grace.domain.playbooks.progress import OfStep
from grace.domain.playbooks.record import (
    Acted,
    Failed,
    Intended,
    Looked,
    TakenBack,
    Undoing,
    Verified,
)
from grace.domain.playbooks.run import StepState
from grace.domain.playbooks.things import MOST_TRIES, Close, Do, Run, Thing


def carry_step(run: Run, step: Step) -> Thing:
    """Say what is next for a step that is not over."""
    said = run.progress.of(step.id)
    if not any(isinstance(w, Intended) for w in said):
        first = _condition(run, step)
        if first is not None:
            return first
    if not said:
        return Do("look", step)
    match said[-1]:
        case Looked() as looked:
            return _looked(run, step, looked)
        case Intended() | Acted() | Undoing() | TakenBack():
            return Do("verify", step)
        case Verified() as verified:
            return _verified(run, step, said, verified)
        case Failed(doing="act", sure=False):
            return Do("verify", step)
        case Failed(sentence=sentence):
            return run.close(step, StepState.FAILED, sentence)
        case _ as never:
            assert_never(never)


def dry_step(run: Run, step: Step) -> Thing:
    """Say what is next for a step that is only looked at."""
    if step.when == "failed":
        return run.close(step, StepState.SKIPPED, f"it is done only if {step.after} fails")
    said = run.progress.of(step.id)
    match said[-1] if said else None:
        case Looked(holds=True, sentence=sentence):
            return run.close(step, StepState.NEEDLESS, sentence)
        case Looked(sentence=sentence, about=about):
            person = needs_person(step, run.spec(step))
            asks = "it would need a named person, and would be done: " if person else "to be done: "
            return run.close(step, StepState.SKIPPED, asks + sentence, about)
        case Failed(sentence=sentence):
            return run.close(step, StepState.FAILED, sentence)
        case _:
            return Do("look", step)


def _condition(run: Run, step: Step) -> Thing | None:
    """Skip a step that is not for now; None: it is."""
    if step.when == "failed":
        assert step.after is not None  # the model looked
        if step.after not in run.progress.failures:
            return run.close(step, StepState.SKIPPED, f"{step.after} did not fail")
    if step.when == "unhealed":
        seen = run.progress.healed.get(step.id)
        if seen is None:
            return Do("look", run.order.playbook.healed, step.id)
        if isinstance(seen, Looked) and seen.holds:
            return run.close(step, StepState.SKIPPED, f"no need any more: {seen.sentence}")
    return None


def _looked(run: Run, step: Step, looked: Looked) -> Thing:
    begun = run.progress.begun.get(step.id, 0)
    if looked.holds:
        state = StepState.DONE if begun else StepState.NEEDLESS
        return run.close(step, state, looked.sentence)
    if run.progress.cut_off(step.id):
        return Do("look", step)  # who knows how long ago that was
    if needs_person(step, run.spec(step)):
        waits = _waits_for_person(run, step, looked)
        if waits is not None:
            return waits
    return Do("act", step)


def _waits_for_person(run: Run, step: Step, looked: Looked) -> Close | None:
    """Wait where nobody agreed, or to something else than it would be done to by now."""
    login = run.order.approved.get(step.id)
    agreed = run.order.agreed.get(step.id, looked.about)
    if login is not None and agreed == looked.about:
        return None
    told = f"a named person must agree: {looked.sentence}"
    if login is not None:
        told = f"{login} agreed to {agreed}; now it would be another: {looked.sentence}"
    return run.close(step, StepState.NEEDS_PERSON, told, looked.about)


def _verified(run: Run, step: Step, said: list[OfStep], verified: Verified) -> Thing:
    since = _since_begun(said)
    acted = next((w for w in since if isinstance(w, Acted)), None)
    failed = next((w for w in since if isinstance(w, Failed) and w.doing == "act"), None)
    if verified.holds:
        both = [*([acted.sentence] if acted is not None else []), verified.sentence]
        return run.close(step, StepState.DONE, "; ".join(dict.fromkeys(both)))
    if failed is not None:
        return run.close(step, StepState.FAILED, failed.sentence)
    if acted is not None:
        told = f"{acted.sentence}; still it is not so: {verified.sentence}"
        return run.close(step, StepState.FAILED, told)
    if run.progress.begun.get(step.id, 0) >= MOST_TRIES:
        told = f"it was begun {MOST_TRIES} times, and each time something ended the runner"
        return run.close(step, StepState.FAILED, f"{told}: {verified.sentence}")
    return Do("look", step)


def _since_begun(said: list[OfStep]) -> list[OfStep]:
    """List the words since a step was begun last."""
    at = max((i for i, w in enumerate(said) if isinstance(w, Intended)), default=0)
    return said[at:]
