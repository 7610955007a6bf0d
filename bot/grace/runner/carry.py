"""Carry out one run: do what comes next, write it down around everything, and report."""

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, assert_never

from grace.domain.playbooks.action import ActionSpec
from grace.domain.playbooks.carrying import next_thing
from grace.domain.playbooks.checking import given_to, problems_of
from grace.domain.playbooks.progress import progress_of
from grace.domain.playbooks.record import (
    Acted,
    Closed,
    Failed,
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
from grace.domain.playbooks.run import (
    MAX_FINDINGS,
    RunOrder,
    RunReport,
    RunState,
    StepReport,
    StepState,
)
from grace.domain.playbooks.things import Close, Do, End, shortened
from grace.runner.calling import Unanswered
from grace.runner.journal import Journal, split
from grace.runner.locks import alone_with
from grace.runner.step import Answer, Request
from grace.runner.targets import Target

LOG: Final = "actions.log"
_MOST_ABOUT: Final = 500
Tell = Callable[[RunReport], Awaitable[None]]


class Hold(Protocol):
    """Whether the runner still has the run, and whether it is to stop."""

    @property
    def lost(self) -> bool:
        """The run is another's by now, or this process is to end: do nothing more."""
        ...

    @property
    def withdrawn(self) -> str | None:
        """Why the run is to stop."""
        ...


class Caller(Protocol):
    """What calls actions (`grace.runner.calling.Calls`)."""

    async def call(
        self, request: Request, seconds: float, log: Path, lock: int
    ) -> Answer | Unanswered: ...


@dataclass(frozen=True, slots=True)
class ByHand:
    """A run that somebody started on this machine: nobody else has it."""

    lost: bool = False
    withdrawn: str | None = None


def now() -> datetime:
    """Read the clock of this machine."""
    return datetime.now(UTC)


def nowhere(point: str) -> None:
    """Mark a place between two instructions, for tests that end the process there."""
    del point


def unsaid(line: str) -> None:
    """Tell nobody."""
    del line


@dataclass(frozen=True, slots=True)
class Bench:
    """What a runner works with, run after run. `say` tells people at the machine."""

    name: str
    state: Path
    calls: Caller
    actions: Mapping[str, ActionSpec]
    say: Callable[[str], None] = unsaid
    at: Callable[[str], None] = nowhere


@dataclass(frozen=True, slots=True)
class Errand:
    """One run, and who is to know of it. `first`: the least number that a report may have."""

    order: RunOrder
    hold: Hold
    tell: Tell
    first: int = 0


@dataclass(frozen=True, slots=True)
class Carrier:
    """One run on one target, which is locked by `lock`."""

    bench: Bench
    errand: Errand
    target: Target
    journal: Journal
    lock: int

    @property
    def order(self) -> RunOrder:
        return self.errand.order

    async def carry(self) -> RunReport | None:
        """Go on with the run to its end; None: it was lost on the way, and another goes on."""
        earlier, words = split(self.journal.words(), self.order.id)
        if not words:
            self._write(words, Ordered(order=self.order, at=now()))
        self._write(words, TakenUp(at=now()))
        await self._tell(words, RunState.RUNNING, f"{self.bench.name} carries it out")
        while not self.errand.hold.lost:
            self._heed(words)
            match next_thing(self.order, words, self.bench.actions, earlier):
                case Do() as do:
                    await self._do(words, do)
                case Close() as close:
                    self._write(words, Closed(report=self._report_of(words, close)))
                    self._say(f"{close.step}: {said_of(close.state)}: {close.sentence}")
                    await self._tell(words, RunState.RUNNING, f"step {close.step} is over")
                case End() as end:
                    return await self._end(words, end)
                case _ as never:
                    assert_never(never)
        return None

    def _heed(self, words: list[Word]) -> None:
        """Write down that the run is withdrawn; what is being taken back goes on."""
        reason = self.errand.hold.withdrawn
        if reason is None or self.order.mode == "undo":
            return
        if not any(isinstance(w, Withdrawn) for w in words):
            self._write(words, Withdrawn(reason=shortened(reason), at=now()))

    async def _do(self, words: list[Word], do: Do) -> None:
        request, step = self._request(words, do), do.step
        if do.doing == "act":
            self._write(words, Intended(step=step.id, at=now()))
        elif do.doing == "undo":
            self._write(words, Undoing(step=step.id, at=now()))
        self.bench.at(f"before {do.doing} {step.id}")
        log = self.journal.folder / LOG
        answer = await self.bench.calls.call(request, step.timeout_seconds, log, self.lock)
        self.bench.at(f"after {do.doing} {step.id}")
        self._write(words, self._word(do, answer))

    def _request(self, words: list[Word], do: Do) -> Request:
        step, progress = do.step, progress_of(self.order, words)
        found = progress.found()
        found[step.id] = found.get(step.id, {}) | progress.values(step.id)
        return Request(
            action=step.action,
            doing=do.doing,
            target={**self.target.settings, "kind": str(self.target.kind)},
            given=given_to(step, self.bench.actions[step.action]),
            found=found,
            folder=str(self.journal.files),
            key=f"{self.order.first or self.order.id}/{step.id}",
            deadline=now().timestamp() + step.timeout_seconds,
            parent=os.getpid(),
        )

    def _word(self, do: Do, answer: Answer | Unanswered) -> Word:
        """Write down what came of a call, without the target's secrets."""
        step, at, hide = do.step.id, now(), self.target.hide
        said = shortened(hide(answer.sentence))
        if isinstance(answer, Unanswered) or answer.kind != "found":
            return Failed(
                step=step,
                before=do.before,
                doing=do.doing,
                sentence=said,
                sure=isinstance(answer, Answer),
                wrong=isinstance(answer, Answer) and answer.kind == "wrong",
                at=at,
            )
        found = dict(list(self.target.hide_in(answer.values).items())[:MAX_FINDINGS])
        match do.doing:
            case "look":
                return Looked(
                    step=step,
                    before=do.before,
                    holds=answer.holds,
                    sentence=said,
                    found=found,
                    about=shortened(hide(answer.about), _MOST_ABOUT),
                    diff=answer.diff,
                    at=at,
                )
            case "act":
                return Acted(step=step, sentence=said, found=found, diff=answer.diff, at=at)
            case "verify":
                holds, diff = answer.holds, answer.diff
                return Verified(
                    step=step, holds=holds, sentence=said, found=found, diff=diff, at=at
                )
            case "undo":
                return TakenBack(step=step, sentence=said, found=found, at=at)

    def _report_of(self, words: list[Word], close: Close) -> StepReport:
        about = progress_of(self.order, words).of(close.step)
        ended = now()
        return StepReport(
            step=close.step,
            state=close.state,
            sentence=close.sentence,
            found=dict(close.found),
            about=close.about,
            started_at=min(ended, about[0].at) if about else ended,
            ended_at=ended,
        )

    async def _end(self, words: list[Word], end: End) -> RunReport:
        if not any(isinstance(w, Over) for w in words):
            over = Over(
                state=end.state,
                sentence=end.sentence,
                waiting_for=end.waiting_for,
                diff=end.diff,
                at=now(),
            )
            self._write(words, over)
            self._say(f"{said_of(end.state)}: {end.sentence}")
        report = self._report(words, end.state, end.sentence)
        report = report.model_copy(update={"waiting_for": end.waiting_for, "diff": end.diff})
        await self.errand.tell(report)
        self.bench.at("told the end")
        return report

    async def _tell(self, words: list[Word], state: RunState, sentence: str) -> None:
        await self.errand.tell(self._report(words, state, sentence))
        self.bench.at("told")

    def _report(self, words: list[Word], state: RunState, sentence: str) -> RunReport:
        return RunReport(
            id=self.order.id,
            number=self.errand.first + len(words),
            runner=self.bench.name,
            state=state,
            sentence=sentence,
            steps=tuple(progress_of(self.order, words).reports.values()),
            at=now(),
        )

    def _say(self, line: str) -> None:
        self.bench.say(f"{self.target.name}: {self.order.playbook.name}: {line}")

    def _write(self, words: list[Word], word: Word) -> None:
        self.bench.at(f"before {word.kind}")
        self.journal.append(word)
        words.append(word)
        self.bench.at(f"after {word.kind}")


def said_of(state: StepState | RunState) -> str:
    """Write a state as people do."""
    return state.value.replace("_", " ")


def refusal(
    order: RunOrder, target: Target | None, actions: Mapping[str, ActionSpec]
) -> str | None:
    """Say why a runner does not begin a run; None: it can."""
    if target is None:
        return f"this runner knows no target {order.target}: name it in runner.yaml"
    if target.kind is not order.kind or order.playbook.target is not order.kind:
        kinds = f"{order.playbook.target.value}, ordered as {order.kind.value}"
        return f"{order.target} is {target.kind.value} here, and the playbook is for {kinds}"
    problems = problems_of(order.playbook, actions)
    if problems:
        where = ".".join(map(str, problems[0].place))
        return f"the playbook cannot be run here: {where}: {problems[0].problem}"
    return None


async def carry_out(bench: Bench, errand: Errand, target: Target | None) -> RunReport | None:
    """Carry a run out from wherever it stands; None: it was lost on the way.

    Raises `TargetBusy` where another process acts on the target, `JournalDamaged`.
    """
    refused = refusal(errand.order, target, bench.actions)
    if target is None or refused is not None:
        report = RunReport(
            id=errand.order.id,
            number=errand.first,
            runner=bench.name,
            state=RunState.REFUSED,
            sentence=shortened(refused or ""),
            at=now(),
        )
        await errand.tell(report)
        return report
    with alone_with(bench.state, target.name) as lock:
        journal = Journal.of(bench.state, errand.order)
        try:
            return await Carrier(bench, errand, target, journal, lock).carry()
        finally:
            journal.close()
