"""A check of ours that a branch requires answers on everybody's commits: this is no mission."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

import structlog

from grace.domain.render import inline
from grace.ports import (
    CheckDraft,
    Clock,
    CourtesyJob,
    Forge,
    ForgeError,
    ForgeRefused,
    ForgeUnavailable,
    Store,
)

AT_ONCE = 20
FIRST_RETRY_S = 2.0
LAST_RETRY_S = 300.0
INVALID: Final = HTTPStatus.UNPROCESSABLE_ENTITY
INVALID_TRIES = 5  # a commit that was pushed just now may not be known yet


class Courtesies:
    """Say on commits that are no mission's that they are none, at least once, seen once."""

    def __init__(self, store: Store, forge: Forge, clock: Clock) -> None:
        self._store = store
        self._forge = forge
        self._clock = clock
        self._log = structlog.get_logger("courtesies")

    async def take(self) -> Sequence[CourtesyJob]:
        """Take what is due; whoever took it before and died left it to us."""
        return await self._store.courtesies(self._clock.now(), AT_ONCE)

    async def say(self, jobs: Sequence[CourtesyJob]) -> None:
        """Say each; what fails for now is put off, what the forge refuses is given up."""
        for job in jobs:
            await self._store.end_courtesy(job.id, await self._put_off(job))

    async def _put_off(self, job: CourtesyJob) -> datetime | None:
        sha = job.courtesy.sha
        delay = min(FIRST_RETRY_S * 2.0 ** min(job.tries, 10), LAST_RETRY_S)
        try:
            await self._publish(job)
        except ForgeUnavailable as error:
            self._log.warning("put off", sha=sha, reason=error.sentence)
            return self._clock.now() + timedelta(seconds=max(delay, error.retry_after or 0.0))
        except ForgeError as error:
            invalid = isinstance(error, ForgeRefused) and error.status == INVALID
            if invalid and job.tries < INVALID_TRIES:
                self._log.warning("put off", sha=sha, reason=error.sentence)
                return self._clock.now() + timedelta(seconds=delay)
            self._log.warning("refused", sha=sha, reason=error.sentence)
        return None

    async def _publish(self, job: CourtesyJob) -> None:
        """Publish the check; on a second try the one that stands is brought up to date."""
        given = job.courtesy
        external = f"courtesy:{given.sha}"
        known = None
        if job.tries:
            known = await self._forge.find_check(given.ref, given.sha, external)
        draft = CheckDraft(
            name="mission/governance",
            sha=given.sha,
            external_id=external,
            conclusion="success",
            title="not a mission",
            summary=f"{inline(given.reason, 300)}: Grace has nothing to say about it.",
            at=self._clock.now(),
        )
        await self._forge.publish_check(given.ref, draft, known)
