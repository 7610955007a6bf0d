"""How a run stands by its words: which steps are over, what was found, what is under way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from grace.domain.playbooks.action import Scalar
from grace.domain.playbooks.record import (
    Acted,
    Closed,
    Failed,
    Findings,
    Intended,
    Looked,
    Ordered,
    Over,
    TakenBack,
    TakenUp,
    Undoing,
    Verified,
    Withdrawn,
    Word,
)
from grace.domain.playbooks.run import MAX_FINDINGS, RunOrder, StepReport, StepState

OfStep = Looked | Intended | Acted | Verified | Failed | Undoing | TakenBack
# What an earlier run left so that it is begun anew.
_ANEW = frozenset({StepState.NEEDS_PERSON, StepState.UNDONE})


@dataclass(frozen=True, slots=True)
class Progress:
    """What the words of a run come to.

    `reports`: the newest of each step, in the order of their first; `failures`: those that failed,
    whatever followed. `touched`: steps that may have changed something. `open`: the words since the
    last step was over, in which all that is under way stands. `begun`: how often each step was
    begun, `undone`: how often to be taken back. `healed`: what was seen of it, by what waited.
    """

    reports: dict[str, StepReport] = field(default_factory=dict)
    failures: dict[str, StepReport] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    begun: dict[str, int] = field(default_factory=dict)
    undone: dict[str, int] = field(default_factory=dict)
    undo_failed: set[str] = field(default_factory=set)
    open: list[Word] = field(default_factory=list)
    healed: dict[str, Looked | Failed] = field(default_factory=dict)
    diffs: dict[str, str] = field(default_factory=dict)
    withdrawn: list[Withdrawn] = field(default_factory=list)
    wrong: list[Failed] = field(default_factory=list)
    over: list[Over] = field(default_factory=list)

    def found(self) -> Findings:
        """Gather what the steps that are over told, by step."""
        return {step: dict(report.found) for step, report in self.reports.items()}

    def of(self, step: str) -> list[OfStep]:
        """List the open words about one step."""
        return [w for w in self.open if isinstance(w, OfStep) and w.step == step]

    def values(self, step: str) -> dict[str, Scalar]:
        """Merge what the open words about a step found; what was found later counts."""
        merged: dict[str, Scalar] = {}
        for word in self.of(step):
            if isinstance(word, Looked | Acted | Verified | TakenBack):
                merged |= word.found
        return dict(list(merged.items())[:MAX_FINDINGS])

    def cut_off(self, step: str) -> bool:
        """Tell whether a process ended since the last word about a step."""
        said = self.of(step)
        return bool(said) and any(isinstance(w, TakenUp) for w in self._behind(said[-1]))

    def _behind(self, word: OfStep) -> list[Word]:
        at = next(i for i in reversed(range(len(self.open))) if self.open[i] is word)
        return self.open[at:]


def progress_of(order: RunOrder, words: Sequence[Word], earlier: Sequence[Word] = ()) -> Progress:
    """Fold the words of a run; what earlier runs of the same try ended stands before them.

    `earlier`: their words, where they are known here, for what they may have changed.
    """
    over = [r for r in order.resumes if r.state not in _ANEW]
    over = [r for r in over if r.step != order.playbook.healed.id]
    progress = Progress(
        reports={r.step: r for r in over},
        failures={r.step: r for r in over if r.state is StepState.FAILED},
    )
    progress.touched.update(w.step for w in earlier if isinstance(w, Intended))
    for word in words:
        _fold(progress, word)
    return progress


def _fold(progress: Progress, word: Word) -> None:
    progress.open.append(word)
    if isinstance(word, Looked | Failed) and word.before is not None:
        progress.healed[word.before] = word
    match word:
        case Intended(step=step):
            progress.touched.add(step)
            progress.begun[step] = progress.begun.get(step, 0) + 1
        case Undoing(step=step):
            progress.undone[step] = progress.undone.get(step, 0) + 1
        case Closed(report=report):
            progress.reports[report.step] = report
            if report.state is StepState.FAILED:
                progress.failures[report.step] = report
            progress.open.clear()
        case Withdrawn():
            progress.withdrawn.append(word)
        case Over():
            progress.over.append(word)
        case Failed(step=step, doing=doing, wrong=wrong):
            if wrong:
                progress.wrong.append(word)
            if doing == "undo":
                progress.undo_failed.add(step)
        case (
            Looked(step=step, diff=diff)
            | Acted(step=step, diff=diff)
            | Verified(step=step, diff=diff)
        ):
            if diff is not None:
                progress.diffs[step] = diff
        case Ordered() | TakenUp() | TakenBack():
            pass
        case _ as never:
            assert_never(never)
