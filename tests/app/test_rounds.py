"""Work that is done again and again, whatever fails in it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from grace.app.rounds import Round, Rounds

LONG = 60.0


class Work:
    """Work whose answers are given in turn; an exception is raised, and then it waits for ever."""

    def __init__(self, *answers: bool | Exception) -> None:
        self.answers = list(answers)
        self.done = asyncio.Event()
        self.times = 0

    async def __call__(self) -> bool:
        self.times += 1
        answer = self.answers.pop(0)
        if not self.answers:
            self.done.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def run(rounds: Rounds, begin: Round, *others: Round, until: Callable[[], Awaitable[object]]):
    task = asyncio.create_task(rounds.run(begin, others))
    async with asyncio.timeout(10):
        await until()
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_start_that_fails_is_made_again_before_anything_else():
    faults: list[str] = []
    rounds = Rounds("part", faults.append)
    begin, work = Work(RuntimeError("disk"), RuntimeError("disk"), False), Work(False)
    await run(rounds, Round("start", begin, 0.001), Round("a", work, LONG), until=work.done.wait)
    assert (begin.times, work.times, faults) == (3, 1, ["part", "part"])
    assert rounds.failure is None


async def test_while_there_is_more_it_goes_on_at_once_and_else_when_it_is_woken():
    rounds, begin, ear = Rounds("part", str), Work(False), asyncio.Event()
    work = Work(True, True, False, False)

    async def until() -> None:
        while work.times < 3:  # noqa: ASYNC110 - it sets an event at its last answer alone
            await asyncio.sleep(0)
        ear.set()
        await work.done.wait()

    await run(rounds, Round("start", begin, LONG), Round("a", work, LONG, ear), until=until)
    assert work.times == 4


async def test_one_that_fails_is_told_and_holds_up_no_other():
    rounds, begin = Rounds("part", str), Work(False)
    bad, good = Work(RuntimeError("no")), Work(True, True, False)

    async def until() -> None:
        await bad.done.wait()
        await good.done.wait()
        await asyncio.sleep(0)

    await run(
        rounds,
        Round("start", begin, LONG),
        Round("bad", bad, LONG),
        Round("good", good, LONG),
        until=until,
    )
    assert rounds.failure == "bad: RuntimeError: no"


async def test_with_nothing_to_do_it_goes_on_all_the_same():
    begin = Work(False)
    await run(Rounds("part", str), Round("start", begin, LONG), until=begin.done.wait)
