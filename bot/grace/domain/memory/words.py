"""What is said of a memory, in words: "three like this; repair held twice, was reverted once"."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from grace.domain.memory.recollection import Hit, Recollection, RemedyCount, Result
from grace.domain.memory.remembered import Lesson
from grace.domain.phase import Outcome
from grace.domain.render import code, inline, one_line

RESULTS: Final = {
    Result.HELD: "held",
    Result.INEFFECTIVE: "held at first, and the problem came back",
    Result.REVERTED: "was reverted",
    Result.FAILED: "did not land",
    Result.UNDECIDED: "was not decided",
}
LESSONS: Final = {
    Lesson.NONE: "",
    Lesson.WITHHELD: "; its patch is not tried again, as the contract says",
    Lesson.PROPOSED: "; its patch is tried again once a person says `/grace remember`",
    Lesson.KEPT: "; its patch may be tried again",
    Lesson.FORGOTTEN: "; its patch is not tried again",
}
NOTHING_ALIKE: Final = "Memory holds nothing like this."
_NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TOLD: Final = 3
_SUMMARY: Final = 80


def sentence(hits: Sequence[Hit]) -> str:
    """Say in plain words how many there are, what was tried, and what became of it."""
    if not hits:
        return NOTHING_ALIKE
    by_remedy: dict[str, list[Result]] = {}
    for trial in (trial for hit in hits for trial in hit.tried):
        by_remedy.setdefault(trial.remedy, []).append(trial.result)
    told = [_fate(remedy, results) for remedy, results in _best_first(by_remedy)[:_TOLD]]
    recovered = sum(hit.outcome is Outcome.SELF_RECOVERED for hit in hits)
    if recovered:
        told.append(f"{_number(recovered)} went away by itself")
    return f"{_number(len(hits)).capitalize()} like this{_of(told)}."


def _of(told: Sequence[str]) -> str:
    return "; " + "; ".join(told) if told else "; nothing was tried"


def _best_first(found: dict[str, list[Result]]) -> list[tuple[str, list[Result]]]:
    return sorted(found.items(), key=lambda item: (-item[1].count(Result.HELD), item[0]))


def _fate(remedy: str, results: Sequence[Result]) -> str:
    said = [
        f"{RESULTS[result]} {_times(results.count(result))}"
        for result in Result
        if result in results and result is not Result.INEFFECTIVE
    ]
    if Result.INEFFECTIVE in results:
        said.append(f"did not last {_times(results.count(Result.INEFFECTIVE))}")
    return f"{one_line(remedy)} {', '.join(said)}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{_number(count)} times")


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def keeping(left: Mapping[str, Any]) -> str:
    """Tell the payload of `mission.remembered`: under which signature, and what of the patch."""
    lesson = LESSONS[Lesson(left.get("lesson", "none"))]
    return f"memory keeps it under {left['signature'] or 'no signature'}{lesson}"


def count_words(count: RemedyCount) -> str:
    """Say what became of one remedy."""
    results = [
        *[Result.HELD] * count.held,
        *[Result.REVERTED] * count.reverted,
        *[Result.INEFFECTIVE] * count.ineffective,
        *[Result.FAILED] * count.failed,
    ]
    return _fate(count.remedy, results)


def citation(hit: Hit, repository: str) -> str:
    """Cite one hit as a line of Markdown in an issue of `repository`."""
    name = f"#{hit.issue}" if hit.issue is not None else hit.mission
    where = name if hit.repository == repository else f"{hit.mission} in {code(hit.repository)}"
    tried = "; ".join(f"{code(t.remedy)} {RESULTS[t.result]}" for t in hit.tried[:_TOLD])
    ended = f"ended {hit.closed_at:%Y-%m-%d} as {hit.outcome}"
    why = f" (shares {inline(', '.join(hit.shared))})" if hit.shared else ""
    return (
        f"- {where}, {inline(hit.summary, _SUMMARY)}: {ended}; {tried or 'nothing was tried'}{why}"
    )


def markdown(found: Recollection, repository: str) -> str:
    """Say what memory found as Markdown: the sentence, then the citations."""
    lines = [inline(found.sentence, 1000), *(citation(hit, repository) for hit in found.hits)]
    if found.note:
        lines.append(inline(found.note, 500))
    return "\n".join(line for line in lines if line)
