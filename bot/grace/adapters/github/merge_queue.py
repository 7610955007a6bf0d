"""The merge queue: where a branch requires one, nothing may go around it."""

from grace.adapters.github.graph import Node, ask, change, quoted
from grace.adapters.github.payloads import fit
from grace.adapters.github.session import Session, named
from grace.domain.mission import MissionRef
from grace.ports import ForgeRefused

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
    where = {key: quoted(str(value)) for key, value in named(ref.repository).items()}
    document = _FIND.format(**where, number=int(number))
    found = await ask(session, ref, "find queue entry", document)
    repository = fit(_Found, found.data, "find queue entry").repository
    pull = repository.pull_request if repository else None
    if pull is None:
        said = "; ".join(error.message for error in found.errors)
        raise ForgeRefused(f"GitHub does not find pull request #{number}: {said}", 404)
    if pull.head_ref_oid != head:
        raise ForgeRefused(f"the head of #{number} moved to {pull.head_ref_oid}; not enqueued", 409)
    if not pull.is_in_merge_queue:
        document = _ENQUEUE.format(id=quoted(pull.id), head=quoted(head))
        await change(session, ref, "enqueue", document)
