"""The register of CAPAs at work: it files their issues, reminds, and checks whether they helped.

Deadlines are a column, and what is to be done at the forge is a row: whatever was in flight when
the process died is found again, and looked for by its marker before it is done once more.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never
from uuid import UUID

import structlog
from pydantic import TypeAdapter

from grace.domain import capa_words, capas
from grace.domain.capa import Capa, CapaRequest, CapaState
from grace.domain.capa_record import (
    Birth,
    CapaMove,
    CapaRecord,
    CapaWord,
    CloseCapa,
    FileCapa,
    SayOnCapa,
    TellMission,
)
from grace.domain.events import TicketClosed
from grace.domain.fingerprint import fingerprint_of
from grace.domain.mission import MissionRef
from grace.domain.people import Actor
from grace.ports import (
    Change,
    Clock,
    Delivery,
    Forge,
    ForgeError,
    ForgeUnavailable,
    Routed,
    Target,
)
from grace.ports.capas import CapaFilter, CapaJob, CapaStore, Moving

AT_ONCE: Final = 20
TICK_S: Final = 3.0
FIRST_RETRY_S: Final = 5.0
LAST_RETRY_S: Final = 3600.0
MAX_REFUSALS: Final = 6
_ROUTED: Final[TypeAdapter[tuple[Routed, ...]]] = TypeAdapter(tuple[Routed, ...])


@dataclass(frozen=True, slots=True)
class Office:
    """What the register works with.

    `wake` tells the worker that something came in, `fault` counts an unexpected error by its loop.
    """

    store: CapaStore
    forge: Forge
    clock: Clock
    wake: Callable[[], None]
    fault: Callable[[str], None]


class Capas:
    """`grace.ports.hub.CapaRegister`. It asks nobody's permission: whoever calls it has done so."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._news = asyncio.Event()
        self._unread: datetime | None = None
        self._problems: dict[int, str] = {}
        self._fault: str | None = None
        self._log = structlog.get_logger("capas")

    @property
    def failure(self) -> str | None:
        """Say what does not work, for operators; None: all does."""
        problems = [*self._problems.values(), *([self._fault] if self._fault else [])]
        return "; ".join(dict.fromkeys(problems)) or None

    async def open(
        self, request: CapaRequest, ref: MissionRef, actor: str, uid: UUID | None = None
    ) -> Capa:
        """Open a CAPA; its issue is filed behind the answer. `CapaRefused`: no such mission.

        The same `uid` again opens none: the one that it opened is returned.
        """
        now, fingerprint = self._office.clock.now(), ""
        if request.mission_id is not None:
            found = await self._office.store.find(request.mission_id)
            if found is None or found[0].ref.log != ref.log:
                raise capas.CapaRefused(
                    "mission_id", f"there is no {request.mission_id} in the subsystem's repository"
                )
            fingerprint = fingerprint_of(found[0])

        def opening(capa_id: str, uid: UUID) -> CapaMove:
            birth = Birth(capa_id=capa_id, uid=uid, ref=ref, fingerprint=fingerprint)
            return capas.opened(request, birth, actor, now)

        record = await self._office.store.open_capa(opening, now, uid)
        self._news.set()
        return record.capa

    async def change(self, capa_id: str, changes: Mapping[str, object], actor: str) -> Capa | None:
        """Change fields, or close it; None: there is none.

        Raises `CapaRefused` or `pydantic.ValidationError`, both of which are `ValueError`.
        """
        now = self._office.clock.now()
        record = await self._office.store.move_capa(
            capa_id, lambda r: capas.changed(r, changes, actor, now), now
        )
        self._news.set()
        return None if record is None else record.capa

    async def get(self, capa_id: str) -> Capa | None:
        """Return a CAPA."""
        record = await self._office.store.capa(capa_id)
        return None if record is None else record.capa

    async def page(
        self,
        logs: frozenset[str] | None,
        *,
        state: CapaState | None = None,
        overdue: bool | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Capa], str | None]:
        """List CAPAs, newest first, and the cursor to those behind them."""
        wanted = CapaFilter(logs, self._office.clock.now(), state, overdue)
        records, following = await self._office.store.capa_page(wanted, after=after, limit=limit)
        return [record.capa for record in records], following

    async def run(self) -> None:
        """Work until cancelled; this is the one boundary of its loop."""
        while True:
            self._news.clear()
            try:
                await self.round()
            except Exception as error:  # noqa: BLE001 - the boundary: logged, counted, shown
                self._log.exception("failed")
                self._office.fault("capas")
                self._fault = f"{type(error).__name__}: {error}"
            else:
                self._fault = None
            try:
                async with asyncio.timeout(TICK_S):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def round(self) -> None:
        """Hear who closed what, do what is due, and carry out what is owed."""
        await self._hear()
        await self._look()
        while jobs := await self._office.store.capa_jobs(self._office.clock.now(), AT_ONCE):
            for job in jobs:
                await self._carry_out(job)

    async def _hear(self) -> None:
        """Read whether those who closed or opened an issue may write; a name is asked for once."""
        now = self._office.clock.now()
        if self._unread is not None and self._unread > now:
            return
        self._unread = None
        asked: dict[tuple[int, str, int], bool] = {}
        for number, word, record in await self._office.store.capa_words(AT_ONCE):
            ref = record.capa.ref
            who = (ref.repository_id, word.actor.login.lower(), word.actor.id)
            if who not in asked:
                try:
                    permission = await self._office.forge.permission(
                        ref, word.actor.login, word.actor.id
                    )
                except ForgeError as error:
                    self._unread = now + timedelta(seconds=_rest(error, 0))
                    self._log.warning("not verified", actor=who[1], reason=error.sentence)
                    return
                asked[who] = permission.may_write
            moving = _heard(word, now, allowed=asked[who])
            await self._office.store.end_capa_word(number, moving, now)

    async def _look(self) -> None:
        """Remind of what is overdue, and check what was closed long enough ago."""
        store, now = self._office.store, self._office.clock.now()
        for record in await store.capas_due(now, AT_ONCE):
            capa = record.capa
            recurred: Sequence[str] = ()
            if capa.state is CapaState.CLOSED and capa.fingerprint and capa.closed_at is not None:
                log, since = capa.ref.log, capa.closed_at
                recurred = await store.same_fingerprint(log, capa.fingerprint, since)
            await store.move_capa(capa.capa_id, _due(recurred, now), now)

    async def _carry_out(self, job: CapaJob) -> None:
        """Do one thing at the forge; what fails for now waits and is tried again."""
        store = self._office.store
        await store.begin_capa_job(job.id)
        try:
            moving = await self._do(job)
        except ForgeError as error:
            await self._put_off(job, error)
        else:
            self._problems.pop(job.id, None)
            await store.end_capa_job(job.id, moving, self._office.clock.now())

    async def _do(self, job: CapaJob) -> Moving | None:
        forge, record = self._office.forge, job.record
        ref, issue = record.capa.ref, record.capa.issue
        match job.effect:
            case FileCapa(title=title, body=body):
                found = await self._filed(job, title, body)
                return lambda r: capas.filed(r, found.number, found.url)
            case SayOnCapa(surface=surface, body=body):
                mark = capa_words.marker(record, surface)
                if issue is not None and (
                    not job.tries or await forge.find_comment(ref, issue, mark) is None
                ):
                    await forge.post_comment(ref, issue, body)
            case CloseCapa():
                if issue is not None:
                    await forge.close_issue(ref, issue, "completed")
            case TellMission(login=login, at=at):
                await self._tell(record, login, at)
            case unknown:
                assert_never(unknown)
        return None

    async def _filed(self, job: CapaJob, title: str, body: str) -> Change:
        """File the issue, unless an earlier try did."""
        ref, found = job.record.capa.ref, None
        if job.tries:
            mark = capa_words.marker(job.record, "capa")
            found = await self._office.forge.find_issue(ref, capas.LABEL, mark)
        return found or await self._office.forge.file_issue(ref, title, body, [capas.LABEL])

    async def _tell(self, record: CapaRecord, login: str, at: datetime) -> None:
        """Tell the mission by the inbox; there it is the same whoever tells it how often."""
        assert record.capa.issue is not None  # a mission's own is filed before it is here
        event = TicketClosed(
            purpose="capa", number=record.capa.issue, actor=Actor(login=login), at=at
        )
        routed = Routed(target=Target(ref=record.capa.ref, uid=record.uid), event=event)
        name = f"capa/{record.capa.capa_id}/{at.isoformat()}"
        body = _ROUTED.dump_json((routed,))
        now = self._office.clock.now()
        await self._office.store.accept(Delivery("api", name, "capa", body, now))
        self._office.wake()

    async def _put_off(self, job: CapaJob, error: ForgeError) -> None:
        """Try again later; what is refused time and again has failed for good."""
        lasting = not isinstance(error, ForgeUnavailable) and job.tries + 1 >= MAX_REFUSALS
        due = self._office.clock.now() + timedelta(seconds=_rest(error, job.tries))
        name, kind = job.record.capa.capa_id, job.effect.kind
        self._problems[job.id] = f"{name} ({kind}): {error.sentence}"
        self._log.warning("put off", capa=name, effect=kind, reason=error.sentence, ended=lasting)
        until = None if lasting else due
        await self._office.store.put_off_capa_job(job.id, until, error.sentence)


def _heard(word: CapaWord, now: datetime, *, allowed: bool) -> Moving:
    """Take a word about an issue: only of somebody who may write, and only what is news.

    What is so already, as after a closing of our own, is no news.
    """
    step, wish = (capas.reopened, "reopen") if word.open else (capas.closed, "close")

    def moving(record: CapaRecord) -> CapaMove | None:
        late = record.heard_at is not None and word.at <= record.heard_at
        if late or (record.capa.state is CapaState.OPEN) is word.open:
            return None
        if not allowed:
            return capas.refused(record, word.actor.login, wish=wish)
        return step(record, word.actor.login, word.at, now)

    return moving


def _due(recurred: Sequence[str], now: datetime) -> Moving:
    """Do what is due by the CAPA as it stands in the transaction, not as it was read before."""

    def moving(record: CapaRecord) -> CapaMove | None:
        wake_at = capas.wake_of(record.capa)
        if wake_at is None or wake_at > now:
            return None
        if record.capa.state is CapaState.OPEN:
            return capas.reminded(record, now)
        return capas.checked(record, recurred, now)

    return moving


def _rest(error: ForgeError, tries: int) -> float:
    rest = min(FIRST_RETRY_S * 2.0 ** min(tries, 12), LAST_RETRY_S)
    retry_after = error.retry_after if isinstance(error, ForgeUnavailable) else None
    return max(rest, retry_after or 0.0)
