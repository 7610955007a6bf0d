"""Draft pull requests: REST opens them, GraphQL alone makes them ready for review."""

from typing import Final

from grace.adapters.github.graph import Node, ask, change, quoted
from grace.adapters.github.payloads import fit
from grace.adapters.github.session import Session, named
from grace.domain.mission import MissionRef
from grace.ports import ForgeRefused

# What GitHub says of a repository whose plan has no drafts.
NO_DRAFTS: Final = "draft pull requests are not supported"

_FIND: Final = """query {{
  repository(owner: {owner}, name: {repo}) {{ pullRequest(number: {number}) {{ id isDraft }} }}
}}"""
_READY: Final = """mutation {{
  markPullRequestReadyForReview(input: {{ pullRequestId: {id} }}) {{ pullRequest {{ id }} }}
}}"""


class _Pull(Node):
    id: str
    is_draft: bool


class _Repository(Node):
    pull_request: _Pull | None = None


class _Found(Node):
    repository: _Repository | None = None


async def mark_ready(session: Session, ref: MissionRef, number: int) -> None:
    """Make a draft ready for review: a query and a mutation; what is no draft stays as it is.

    Raises `ForgeRefused`: 404 where there is no such pull request, 422 where GitHub says no.
    """
    where = {key: quoted(str(value)) for key, value in named(ref.repository).items()}
    found = await ask(session, ref, "find draft", _FIND.format(**where, number=int(number)))
    repository = fit(_Found, found.data, "find draft").repository
    if repository is None or repository.pull_request is None:
        said = "; ".join(error.message for error in found.errors)
        raise ForgeRefused(f"GitHub does not find pull request #{number}: {said}", 404)
    if repository.pull_request.is_draft:
        document = _READY.format(id=quoted(repository.pull_request.id))
        await change(session, ref, "mark ready", document)
