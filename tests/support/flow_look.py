"""Looking at a mission from outside: the bot's store beside the bot, the forge, a clone."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from grace.adapters.audit_git import audit_repository
from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.adapters.sqlite.reader import StoreReader
from grace.domain.audit import verify_store_lines
from grace.domain.ledger import Entry
from grace.domain.mission import Mission, MissionRef
from grace.domain.phase import Outcome, Phase
from grace.domain.surroundings import Stop
from support.flow_ci import git

if TYPE_CHECKING:
    from support.flows import Stage

PATIENCE_S = 60.0
POLL_S = 0.03
QUIET = """
    SELECT (SELECT count(*) FROM outbox WHERE state IN ('pending', 'begun'))
         + (SELECT count(*) FROM events WHERE handled_at IS NULL)
         + (SELECT count(*) FROM deliveries WHERE routed_at IS NULL)
"""
T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T | None]],
    what: Callable[[], str] | str,
    within: float = PATIENCE_S,
) -> T:
    """Look until something is seen; say what was awaited when it never is."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        found = await look()
        if found is not None:
            return found
        if loop.time() > end:
            words = what if isinstance(what, str) else what()
            raise AssertionError(f"within {within:g} s not seen: {words}")
        await asyncio.sleep(POLL_S)


class Look:
    """Read the store of a bot that runs in this process or in another."""

    def __init__(self, stage: "Stage", reader: StoreReader) -> None:
        self._stage = stage
        self._reader = reader
        self._path = stage.data / "grace.db"

    @classmethod
    async def at(cls, stage: "Stage") -> "Look":
        """Open the store as soon as the bot has made it."""
        path = stage.data / "grace.db"

        async def there() -> StoreReader | None:
            if not path.exists() or _version(path) == 0:
                return None
            return await StoreReader.look(path)

        return cls(stage, await eventually(there, f"the store {path}"))

    async def close(self) -> None:
        await self._reader.close()

    async def missions(self) -> list[Mission]:
        return list(await self._reader.missions())

    async def mission(self, issue: int) -> Mission | None:
        return next((m for m in await self._reader.missions() if m.issue == issue), None)

    async def until(
        self, issue: int, reached: Callable[[Mission], bool], within: float = PATIENCE_S
    ) -> Mission:
        """Wait until the mission of an issue is where it should be."""
        seen: list[str] = []

        async def look() -> Mission | None:
            mission = await self.mission(issue)
            where = "not filed" if mission is None else f"{mission.phase} {mission.held or ''}"
            seen[:] = [where, "" if mission is None else mission.reason]
            return mission if mission is not None and reached(mission) else None

        return await eventually(look, lambda: f"mission of #{issue}; it is {seen}", within)

    async def phase(self, issue: int, *phases: Phase) -> Mission:
        return await self.until(issue, lambda m: m.phase in phases)

    async def closed(self, issue: int, outcome: Outcome, within: float = PATIENCE_S) -> Mission:
        """Wait until a mission is closed, is remembered so, and nothing is left to do for it."""
        mission = await self.until(issue, lambda m: not m.live, within)
        assert mission.outcome is outcome, f"{mission.outcome}: {mission.reason}"
        left = await self._reader.remembered(mission.name)
        assert left is not None
        assert (left.outcome, left.issue) == (outcome, issue)
        await self.settled()
        return await self.until(issue, lambda m: not m.live)

    async def settled(self) -> None:
        """Wait until no delivery, event or effect waits in the store."""

        async def quiet() -> bool | None:
            return (await asyncio.to_thread(_waiting, self._path)) == 0 or None

        await eventually(quiet, lambda: f"quiet; {_waiting(self._path)} rows wait")

    async def entries(self, mission: Mission) -> list[Entry]:
        return list(await self._reader.mission_entries(mission.ref.log, mission.name))

    async def lines(self, mission: Mission) -> list[bytes]:
        return list(await self._reader.lines(mission.ref.log, 0, 10_000_000))

    async def kill_switch(self) -> bool:
        return await self._reader.kill_switch()

    async def stops(self) -> list[Stop]:
        """Return all that stops Grace in the repository on the stage."""
        repository = self._stage.repository
        ref = MissionRef(
            host="localforge", repository_id=repository.id, repository=repository.full_name
        )
        return list(await self._reader.stops(ref))

    def keys(self) -> PublicKeys:
        return PublicKeys(Ed25519Key.load(self._stage.data / "signing.key").public)

    async def comment(self, number: int, has: str) -> str:
        """Wait until a comment of the bot says something."""

        async def look() -> str | None:
            words = await self._stage.words(number)
            return next((w for w in words if has in w), None)

        return await eventually(look, f"{has!r} in a comment on #{number}")

    async def nothing_doubled(self, mission: Mission) -> None:
        """Assert that everything at the forge is there once, and that the ledger verifies."""
        stage = self._stage
        pulls = await stage.get("/pulls", state="all", per_page=100)
        heads = Counter(p["head"]["ref"] for p in pulls)
        assert all(n == 1 for n in heads.values()), heads
        rolled_back = mission.outcome is Outcome.ROLLED_BACK
        due = {mission.branch} | ({f"{mission.branch}-revert"} if rolled_back else set())
        assert set(heads) == due
        assert mission.issue is not None
        assert mission.pull is not None
        for number in (mission.issue, mission.pull.number):
            marks = Counter(words.partition("\n")[0] for words in await stage.words(number))
            assert sum(":reply:" not in mark for mark in marks) == 1, marks
            assert all(n == 1 for n in marks.values()), marks
        log = ("log", "--first-parent", "--format=%s", "main")
        landings = (await git(stage.repository.bare, *log)).splitlines()
        merges = [s for s in landings if s.startswith(f"Merge {mission.name}")]
        reverts = [s for s in landings if s.startswith(f"Revert {mission.name}")]
        assert len(merges) == 1, landings
        assert len(reverts) == int(rolled_back), landings
        capas = await stage.get("/issues", state="all", labels="capa")
        assert len(capas) == int(rolled_back)
        assert mission.landing is not None
        shas = {p["head"]["sha"] for p in pulls} | {mission.landing.sha}
        for sha in shas:
            await self._checks_are_single(sha)
        await self.ledger_verifies(mission)

    async def _checks_are_single(self, sha: str) -> None:
        found = (await self._stage.get(f"/commits/{sha}/check-runs", per_page=100, filter="all"))[
            "check_runs"
        ]
        ours = Counter(c["external_id"] for c in found if c["app"]["id"] == self._stage.app.id)
        assert all(n == 1 for n in ours.values()), ours

    async def ledger_verifies(self, mission: Mission) -> None:
        """Audit the store, and the forge's repository as a clone would."""
        report = verify_store_lines(await self.lines(mission), self.keys())
        assert report.ok, report.lines()
        bare = self._stage.repository.bare
        audit = await asyncio.to_thread(audit_repository, bare, self.keys())
        assert audit.ok, audit.lines()
        assert audit.entries == report.entries


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _waiting(path: Path) -> int:
    with closing(sqlite3.connect(path, timeout=5)) as connection:
        return int(connection.execute(QUIET).fetchone()[0])
