"""The register of CAPAs with everything around it: a real store, and a forge that may fail or kill."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.app.capas import Capas, Office
from grace.domain.capa import CapaRequest
from grace.domain.events import Actor, CommandGiven, TicketClosed
from grace.domain.mission import MissionRef
from grace.domain.package import AcceptanceCriteria, MissionRequest, Symptom, WorkspaceInfo
from grace.domain.people import Permission
from grace.domain.phase import Severity
from grace.ports import (
    Change,
    Delivery,
    ForgeError,
    Routed,
    Ruling,
    Target,
)
from grace.ports.store import Translated

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
REF = MissionRef(host="forge.test", repository_id=7, repository="octo/mesh")
KEY = Ed25519Key(b"k" * 32)


class KilledError(BaseException):
    """The process died here."""


@dataclass
class Fuse:
    """Die at the nth moment; a moment is before and behind each call that changes something."""

    left: int = 10**9

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KilledError


@dataclass
class Forge:
    """A forge with issues and comments, which a test may take down or have refuse."""

    fuse: Fuse = field(default_factory=Fuse)
    down: ForgeError | None = None
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    roles: dict[str, Permission] = field(
        default_factory=lambda: {"rita": Permission.WRITE, "tess": Permission.TRIAGE}
    )
    asked: list[str] = field(default_factory=list)

    def _call(self, name: str) -> None:
        self.asked.append(name)
        if self.down is not None:
            raise self.down
        self.fuse.burn()

    async def permission(self, _ref: MissionRef, login: str, _id: int = 0) -> Permission:
        self._call(f"permission {login}")
        return self.roles.get(login, Permission.NONE)

    async def file_issue(self, _ref: MissionRef, title: str, body: str, labels: Any) -> Change:
        self._call("file")
        number = len(self.issues) + 1
        self.issues[number] = {
            "title": title,
            "body": body,
            "labels": list(labels),
            "comments": [],
            "open": True,
        }
        self.fuse.burn()
        return Change(number=number, url=f"https://forge.test/{number}", head_sha="")

    async def find_issue(self, _ref: MissionRef, label: str, marker: str) -> Change | None:
        self._call("find issue")
        for number, issue in self.issues.items():
            if label in issue["labels"] and marker in issue["body"]:
                return Change(number=number, url=f"https://forge.test/{number}", head_sha="")
        return None

    async def post_comment(self, _ref: MissionRef, number: int, body: str) -> str:
        self._call("comment")
        self.issues[number]["comments"].append(body)
        self.fuse.burn()
        return "1"

    async def find_comment(self, _ref: MissionRef, number: int, marker: str) -> str | None:
        self._call("find comment")
        return next((c for c in self.issues[number]["comments"] if marker in c), None)

    async def close_issue(self, _ref: MissionRef, number: int, _reason: str) -> None:
        self._call("close")
        self.issues[number]["open"] = False
        self.fuse.burn()


class Fused:
    """A store whose process may die in front of each write, and behind it."""

    WRITES = frozenset(
        {"open_capa", "move_capa", "begin_capa_job", "end_capa_job", "end_capa_word", "accept"}
    )

    def __init__(self, store: SqliteStore, fuse: Fuse) -> None:
        self._store = store
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in self.WRITES:
            return found

        async def burning(*args: Any, **kwargs: Any) -> Any:
            self._fuse.burn()
            answer = await found(*args, **kwargs)
            self._fuse.burn()
            return answer

        return burning


@dataclass
class Desk:
    """The register with everything around it."""

    store: SqliteStore
    forge: Forge = field(default_factory=Forge)
    at: datetime = NOW
    woken: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sit()

    def now(self) -> datetime:
        return self.at

    def sit(self) -> None:
        """Begin anew, as a process does."""
        store: Any = Fused(self.store, self.forge.fuse)
        forge: Any = self.forge
        wake: Callable[[], None] = lambda: self.woken.append(1)  # noqa: E731
        self.capas = Capas(Office(store, forge, self, wake, self.faults.append))

    async def kinds(self) -> list[str]:
        return [e.envelope.kind for e in await self.store.entries(REF.log)][1:]

    async def mission(self, issue: int = 1) -> str:
        """Store a mission of the problem `slow`, that began now."""
        return (await store_mission(self.store, self.at, issue)).name

    async def hear(self, login: str, uid: Any, *, again: bool = False, number: int = 1) -> None:
        event = TicketClosed(
            purpose="capa", number=number, open=again, actor=Actor(login=login), at=self.at
        )
        routed = Routed(target=Target(ref=REF, uid=uid), event=event)
        await self.store.accept(Delivery("forge", f"{self.at}{login}{again}", "i", b"", self.at))
        (stored,) = await self.store.unrouted(10)
        await self.store.route(stored.id, Translated([routed], ""), self.at)


async def store_mission(store: SqliteStore, at: datetime, issue: int) -> Any:
    await store.accept(Delivery("forge", f"m{issue}", "issues", b"", at))
    (stored,) = await store.unrouted(10)
    event = CommandGiven(id="c", name="start", actor=Actor(login="octo"))
    routed = Routed(target=Target(ref=REF, issue=issue, create=True), event=event)
    await store.route(stored.id, Translated([routed], ""), at)
    (mission,) = [m for m in await store.missions() if m.issue == issue]
    turn = await store.turn(mission.uid)
    assert turn is not None
    request = MissionRequest(
        subsystem_id="mesh",
        severity=Severity.HIGH,
        symptoms=(Symptom(description="slow"),),
        acceptance_criteria=AcceptanceCriteria(),
        workspace=WorkspaceInfo(),
    )
    mission = turn.mission.with_(request=request)
    handled = tuple(number for number, _ in turn.events)
    await store.commit(turn, Ruling(mission, turn.facts, (), (), None, handled, None), at)
    return mission


def asked(**changes: object) -> CapaRequest:
    given = {"subsystem_id": "mesh", "severity": "high", "title": "Slow", "description": "It is."}
    return CapaRequest.model_validate(given | changes)
