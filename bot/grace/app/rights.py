"""What exists for whom: the forge's own answers, remembered for a short while.

Whoever loses a repository at the forge loses sight of it here within a minute. While the forge
cannot be asked, an answer serves until it is five minutes old; behind that nobody sees anything.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

from grace.domain.access import OWN_LOG, Principal, Reach, Scope
from grace.domain.mission import MissionRef
from grace.domain.people import Permission
from grace.ports import Clock, ForgeError, ForgeGone, ForgeRefused

FRESH: Final = timedelta(seconds=60)
USABLE: Final = timedelta(minutes=5)
PAUSE: Final = timedelta(seconds=5)  # between two questions that the forge does not answer
MOST: Final = 20_000


class _Asked(Protocol):
    """The one question that is asked of a forge."""

    async def permission(self, ref: MissionRef, login: str, user_id: int = 0) -> Permission: ...


@dataclass(frozen=True, slots=True)
class _Answer:
    permission: Permission
    at: datetime


@dataclass(frozen=True, slots=True)
class _Silence:
    error: ForgeError
    at: datetime

    @property
    def lasts(self) -> timedelta:
        """Return how long it is of no use to ask again."""
        return FRESH if isinstance(self.error, ForgeRefused | ForgeGone) else PAUSE


_Key = tuple[str, str, int]
_K = TypeVar("_K", _Answer, _Silence)


class ForgeRights:
    """`grace.ports.hub.Rights` by what the forge says of each person and repository.

    `refs`: the subsystems' repositories, as they are known now; they may become more. `most`: from
    how many answers on those that are of no use any more are forgotten.
    """

    def __init__(
        self, forge: _Asked, refs: Mapping[str, MissionRef], clock: Clock, most: int = MOST
    ) -> None:
        self._forge = forge
        self._refs = refs
        self._clock = clock
        self._most = most
        self._answers: dict[_Key, _Answer] = {}
        self._silences: dict[_Key, _Silence] = {}
        self._asking: dict[_Key, asyncio.Task[Permission]] = {}

    async def reach(self, principal: Principal) -> Reach:
        """Tell which repositories exist for somebody.

        A token that is nobody's sees every log, or those that it is good for. Behind a login stand
        the repositories that the forge lets that person read; one that the forge refuses to speak
        of is not among them. The bot's own log exists for operators, and for a token that is bound
        to logs where it is one of them.

        `ForgeError` while nobody can tell: of any repository, or of one that this person read when
        the forge was heard last. One that this person did not read then is not there meanwhile, so
        that whoever exhausts one installation's limit blinds nobody who reads another's.
        """
        bound = principal.logs
        own = principal.may(Scope.OPERATOR) and (bound is None or OWN_LOG in bound)
        if not principal.may(Scope.VIEWER):
            return Reach()
        if principal.login is None:
            return Reach(logs=bound, own=own)
        refs, who = self._by_log(bound), (principal.login, principal.user_id)
        seen = await asyncio.gather(*(self._reads(ref, *who) for ref in refs.values()))
        silent = [said for said in seen if isinstance(said, ForgeError)]
        lost = any(
            isinstance(said, ForgeError) and self._read_last(log, *who)
            for log, said in zip(refs, seen, strict=True)
        )
        if silent and (lost or len(silent) == len(seen)):
            raise silent[0].with_traceback(None)
        logs = frozenset(log for log, sees in zip(refs, seen, strict=True) if sees is True)
        return Reach(logs=logs, own=own)

    async def permission(self, ref: MissionRef, login: str, user_id: int = 0) -> Permission:
        """Return what somebody may do, as the forge said within the last minute; `ForgeError`.

        Where `user_id` is given and somebody else has the login now, that is nothing.

        Whoever asks while the same question is on its way gets the same answer.
        """
        key, now = (ref.log, login.lower(), user_id), self._clock.now()
        known = self._answers.get(key)
        if known is not None and now - known.at < FRESH:
            return known.permission
        try:
            return await self._ask_once(key, ref, now)
        except (ForgeRefused, ForgeGone):
            raise
        except ForgeError:
            if known is None or self._clock.now() - known.at >= USABLE:
                raise
            return known.permission

    async def _reads(self, ref: MissionRef, login: str, user_id: int) -> bool | ForgeError:
        """Tell whether somebody reads a repository; the error where nobody can tell now."""
        try:
            return (await self.permission(ref, login, user_id)).reaches(Permission.READ)
        except (ForgeRefused, ForgeGone):
            return False
        except ForgeError as error:
            return error

    def _read_last(self, log: str, login: str, user_id: int) -> bool:
        """Tell whether somebody read a repository when the forge was heard last, however old."""
        known = self._answers.get((log, login.lower(), user_id))
        return known is not None and known.permission.reaches(Permission.READ)

    def _by_log(self, bound: frozenset[str] | None) -> Mapping[str, MissionRef]:
        """Name the repositories, each once although several subsystems may live in it."""
        return {ref.log: ref for ref in self._refs.values() if bound is None or ref.log in bound}

    async def _ask_once(self, key: _Key, ref: MissionRef, now: datetime) -> Permission:
        silence = self._silences.get(key)
        if silence is not None and now - silence.at < silence.lasts:
            raise silence.error.with_traceback(None)
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(key, ref, now), name="permission")
            self._asking[key] = task
            task.add_done_callback(lambda done: self._asked(key, done))
        # One who goes away does not take the answer from the others.
        return await asyncio.shield(task)

    def _asked(self, key: _Key, task: asyncio.Task[Permission]) -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # seen, also where everybody who waited has gone

    async def _ask(self, key: _Key, ref: MissionRef, now: datetime) -> Permission:
        """Ask the forge; an answer is as old as its question."""
        try:
            _, login, user_id = key
            found = await self._forge.permission(ref, login, user_id)
        except ForgeError as error:
            if isinstance(error, ForgeRefused | ForgeGone):
                self._answers.pop(key, None)
            self._keep(self._silences, key, _Silence(error, now))
            raise
        self._silences.pop(key, None)
        self._keep(self._answers, key, _Answer(found, now))
        return found

    def _keep(self, kept: dict[_Key, _K], key: _Key, value: _K) -> None:
        """Remember, and forget what is of no use any more where there is much."""
        if len(kept) >= self._most:
            oldest = self._clock.now() - USABLE
            for old in [k for k, each in kept.items() if each.at <= oldest]:
                del kept[old]
        kept[key] = value
