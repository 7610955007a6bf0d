"""The merge queue: where a branch requires one, nothing may go around it."""

from datetime import datetime, timedelta
from http import HTTPStatus

from grace.adapters.github.graph import Node, ask, change, quoted
from grace.adapters.github.payloads import fit
from grace.adapters.github.session import Session, named
from grace.domain.mission import MissionRef
from grace.ports import Clock, ForgeRefused, ForgeUnavailable

_FIND = """query {{
  repository(owner: {owner}, name: {repo}) {{
    pullRequest(number: {number}) {{ id headRefOid isInMergeQueue }}
  }}
}}"""
_ENQUEUE = """mutation {{
  enqueuePullRequest(input: {{ pullRequestId: {id}, expectedHeadOid: {head} }}) {{
    mergeQueueEntry {{ position state }}
  }}
}}"""
_DEQUEUE = """mutation {{
  dequeuePullRequest(input: {{ id: {id} }}) {{ mergeQueueEntry {{ id }} }}
}}"""
_REQUIRED = """query {{
  repository(owner: {owner}, name: {repo}) {{ mergeQueue(branch: {branch}) {{ id }} }}
}}"""
_REMEMBERED = timedelta(minutes=10)


class Queues:
    """Which branches have a merge queue, asked of GitHub every ten minutes at most."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._known: dict[tuple[int, str], tuple[datetime, bool]] = {}

    async def required(self, ref: MissionRef, branch: str) -> bool:
        """Tell whether a branch has a queue. Raises `ForgeUnavailable` where GitHub cannot say."""
        key, now = (ref.repository_id, branch), self._clock.now()
        known = self._known.get(key)
        if known is not None and timedelta(0) <= now - known[0] < _REMEMBERED:
            return known[1]
        where = {name: quoted(str(value)) for name, value in named(ref.repository).items()}
        document = _REQUIRED.format(**where, branch=quoted(branch))
        try:
            found = await ask(self._session, ref, "find merge queue", document)
        except ForgeRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False  # a GitHub without GraphQL has no merge queues
        if found.errors:
            said = "; ".join(error.message for error in found.errors)
            raise ForgeUnavailable(f"GitHub does not say whether {branch} has a queue: {said}")
        queue = (found.data.get("repository") or {}).get("mergeQueue")
        self._known[key] = (now, queue is not None)
        return queue is not None


class _Pull(Node):
    id: str
    head_ref_oid: str
    is_in_merge_queue: bool


class _Repository(Node):
    pull_request: _Pull | None = None


class _Found(Node):
    repository: _Repository | None = None


async def enqueue(session: Session, ref: MissionRef, number: int, head: str) -> None:
    """Put exactly `head` of a pull request into the queue: a query and a mutation.

    One that is in the queue already stays there. Raises `ForgeRefused`: 409 where the head moved,
    422 where GitHub says no.
    """
    pull = await _find(session, ref, number)
    if pull.head_ref_oid != head:
        raise ForgeRefused(f"the head of #{number} moved to {pull.head_ref_oid}; not enqueued", 409)
    if not pull.is_in_merge_queue:
        document = _ENQUEUE.format(id=quoted(pull.id), head=quoted(head))
        await change(session, ref, "enqueue", document)


async def in_queue(session: Session, ref: MissionRef, number: int) -> bool:
    """Tell whether a pull request stands in the queue: a query."""
    return (await _find(session, ref, number)).is_in_merge_queue


async def dequeue(session: Session, ref: MissionRef, number: int) -> bool:
    """Take a pull request out of the queue: a query and a mutation; False: it stood in none.

    One that left while it was asked for, as it lands for example, stood in none either.
    """
    pull = await _find(session, ref, number)
    if not pull.is_in_merge_queue:
        return False
    try:
        await change(session, ref, "dequeue", _DEQUEUE.format(id=quoted(pull.id)))
    except ForgeRefused:
        if await in_queue(session, ref, number):
            raise
        return False
    return True


async def _find(session: Session, ref: MissionRef, number: int) -> _Pull:
    where = {key: quoted(str(value)) for key, value in named(ref.repository).items()}
    document = _FIND.format(**where, number=int(number))
    found = await ask(session, ref, "find queue entry", document)
    repository = fit(_Found, found.data, "find queue entry").repository
    if repository is None or repository.pull_request is None:
        said = "; ".join(error.message for error in found.errors)
        raise ForgeRefused(f"GitHub does not find pull request #{number}: {said}", 404)
    return repository.pull_request
