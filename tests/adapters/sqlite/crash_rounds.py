"""A process that works on a store and is killed, again and again.

`crash_rounds.py FOLDER SEED ROUNDS`: each round forks a worker that opens the store, and kills it
with SIGKILL at a random moment, or has it kill itself in front of a random commit. A last round
runs until nothing is left to do. The worker writes down outside the store what it was promised
(`accepted`) and what the world saw of it (`acted`).
"""

import asyncio
import hashlib
import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.domain.decision import Note
from grace.domain.effects import Effect, PublishLedger
from grace.domain.events import Actor, CommandGiven, EffectDone, Event
from grace.domain.mission import MissionRef
from grace.ports import Delivery, Routed, Ruling, Target, Translated

REF = MissionRef(host="forge.test", repository_id=7, repository="octo/mesh")
SEED = hashlib.sha256(b"a key for tests").digest()


class Journal:
    """Names in a file, each on a line; a line that is written survives SIGKILL."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, name: str) -> None:
        os.write(self._handle, f"{name}\n".encode())

    def names(self) -> list[str]:
        return self._path.read_text().splitlines()


class Worker:
    """All roles of a process that has the store, over a world that is two files."""

    def __init__(self, store: SqliteStore, folder: Path, name: str, rng: random.Random) -> None:
        self.store = store
        self.name = name
        self.rng = rng
        self.accepted = Journal(folder / "accepted")
        self.acted = Journal(folder / "acted")
        self.doubled = Journal(folder / "doubled")

    def now(self) -> datetime:
        """Read a clock that jumps back and forth by up to a second."""
        return datetime.fromtimestamp(time.time() - self.rng.random(), tz=UTC)

    async def take_in(self, number: int) -> None:
        """Accept a new delivery, or one that the world sends again."""
        known = self.accepted.names()
        again = bool(known) and self.rng.random() < 0.3
        name = self.rng.choice(known) if again else f"{self.name}-{number}"
        new = await self.store.accept(Delivery("forge", name, "comment", b"{}", self.now()))
        if new == again:
            self.doubled.add(name)
        if new:
            self.accepted.add(name)

    async def route(self) -> bool:
        deliveries = await self.store.unrouted(5)
        for delivery in deliveries:
            issue = sum(delivery.delivery_id.encode()) % 4
            event = CommandGiven(id=delivery.delivery_id, name="x", actor=Actor(login="octo"))
            target = Target(ref=REF, issue=issue, create=True)
            routed = [Routed(target=target, event=event)]
            await self.store.route(delivery.id, Translated(routed, "routed"), self.now())
        return bool(deliveries)

    async def decide(self) -> bool:
        due = await self.store.due(datetime.max.replace(tzinfo=UTC), 5)
        for uid in due:
            turn = await self.store.turn(uid)
            assert turn is not None
            notes, effects = zip(*(answer(event) for _, event in turn.events), strict=True)
            ruling = Ruling(
                mission=turn.mission,
                facts=turn.facts,
                notes=notes,
                effects=tuple(effect for effect in effects if effect is not None),
                wake_at=None,
                handled=tuple(number for number, _ in turn.events),
                verdict=None,
            )
            await self.store.commit(turn, ruling, self.now())
        return bool(due)

    async def act(self) -> bool:
        jobs = await self.store.jobs(datetime.max.replace(tzinfo=UTC), 5)
        for job in jobs:
            await self.store.begin(job.id)
            if self.rng.random() < 0.1:
                await self.store.postpone(job.id, self.now(), "not now")
                continue
            key = job.effect.key
            if job.tries == 0 or key not in self.acted.names():
                self.acted.add(key)
            await self.store.finish(job.id, EffectDone(key=key), self.now())
        return bool(jobs)

    async def work(self) -> None:
        """Do everything at once until killed."""

        async def repeat(step: Callable[[], object]) -> None:
            while True:
                await step()  # type: ignore[misc]
                await asyncio.sleep(0)

        async def intake() -> None:
            for number in range(10**9):
                await self.take_in(number)

        roles = (intake(), repeat(self.route), repeat(self.decide), repeat(self.act))
        await asyncio.gather(*roles)

    async def drain(self) -> None:
        """Do what is left."""
        while any([await self.route(), await self.decide(), await self.act()]):
            pass


def answer(event: Event) -> tuple[Note, Effect | None]:
    """Decide: a command is noted and asks for one effect, an outcome is noted."""
    if isinstance(event, CommandGiven):
        note = Note(kind="mission.commanded", actor="octo", payload={"id": event.id})
        return note, PublishLedger(key=event.id)
    assert isinstance(event, EffectDone)
    return Note(kind="mission.acted", actor="grace", payload={"id": event.key}), None


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


async def live(folder: Path, name: str, rng: random.Random, ready: int) -> None:
    """Work until killed; half of the workers choose the commit in front of which they die."""
    left = rng.randint(1, 60) if rng.random() < 0.5 else 10**9

    def before_commit() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            die()

    store = await SqliteStore.open(
        folder / "grace.db", Ed25519Key(SEED), before_commit=before_commit
    )
    os.write(ready, b"r")
    await Worker(store, folder, name, rng).work()


async def finish(folder: Path, rng: random.Random) -> None:
    store = await SqliteStore.open(folder / "grace.db", Ed25519Key(SEED))
    await Worker(store, folder, "last", rng).drain()
    await store.close()


def one_round(folder: Path, seed: str) -> None:
    """Fork a worker and kill it some time after it has opened the store."""
    rng = random.Random(seed)
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(readable)
        try:
            asyncio.run(live(folder, seed, rng, writable))
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(3)
    os.close(writable)
    opened, _, _ = select.select([readable], [], [], 60)
    assert opened, "the worker did not open the store"
    select.select([], [], [], random.Random(seed).uniform(0.0, 0.15))
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(readable)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"worker ended by itself: {status}"


def main(folder: Path, seed: str, rounds: int) -> None:
    for number in range(rounds):
        one_round(folder, f"{seed}.{number}")
    asyncio.run(finish(folder, random.Random(seed)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
