"""A sweep: the state of many missions in one GraphQL query, and what its answer means. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import AwareDatetime

from grace.adapters.github.graph import Found, Node, quoted
from grace.adapters.github.live_labels import ISSUE_LABELS, PULL_LABELS, labels_read
from grace.adapters.github.payloads import AppId, CheckRun, Id, Review, User, fit
from grace.adapters.github.seen import actor_of, check_seen, review_seen, status_seen
from grace.adapters.github.session import AppIdentity, named
from grace.adapters.github.who import WHO, WhoNode, nodes_of
from grace.domain.events import CheckSeen, DeploymentSeen, PullSeen, ReviewSeen
from grace.domain.results import Sha
from grace.ports import ChangeState, LabelsRead, LiveQuery, LiveState, QueuePlace

AT_ONCE: Final = 50
_LOST: Final = "NOT_FOUND"
_RELEASES: Final = 10
_NODES: Final = """
fragment pull on PullRequest {
  number state merged isDraft headRefName headRefOid baseRefOid updatedAt
  mergeCommit { oid } author { ...who } mergedBy { ...who }
  reviews(last: 30) {
    nodes { databaseId state submittedAt commit { oid } author { ...who } }
  }
  commits(last: 1) { nodes { commit { ...checked } } }
}
fragment checked on Commit {
  oid statusCheckRollup { contexts(first: 50) { nodes {
    __typename
    ... on CheckRun {
      databaseId name status conclusion detailsUrl startedAt completedAt
      checkSuite { app { databaseId } }
    }
    ... on StatusContext { context state targetUrl createdAt creator { ...who } }
  } } }
}
fragment place on PullRequest {
  isInMergeQueue mergeQueueEntry { headCommit { ...checked } baseCommit { oid } }
}
fragment landing on Commit { deployments(last: 5) { nodes { ...release } } }
fragment release on Deployment { commitOid environment latestStatus { state createdAt } }
"""


def document(wanted: Sequence[LiveQuery]) -> str:
    """Write one query: the alias `mN` is the N-th mission, `pN` in it a pull request."""
    return (
        "query {\n"
        + "\n".join(_mission(n, query) for n, query in enumerate(wanted))
        + ("\n}\n" + _fragments(wanted))
    )


def _fragments(wanted: Sequence[LiveQuery]) -> str:
    """Keep the fragments that are used; GraphQL refuses the others."""
    parts = ("fragment " + part for part in _NODES.split("fragment ")[1:])
    pull, checked, place, landing, release = parts
    pulls = any(query.pulls for query in wanted)
    places = any(query.places and query.pulls for query in wanted)
    landed = any(query.landed for query in wanted)
    released = landed or any(query.environment for query in wanted)
    issues = any(query.issue is not None for query in wanted)
    return (
        (WHO if pulls or issues else "")
        + (ISSUE_LABELS if issues else "")
        + (pull + checked + PULL_LABELS if pulls else "")
        + (place if places else "")
        + (landing if landed else "")
        + (release if released else "")
    )


def _mission(n: int, query: LiveQuery) -> str:
    where = named(query.ref.repository)
    fields = ["databaseId", "nameWithOwner"]
    if query.issue is not None:
        fields.append(f"issue(number: {query.issue}) {{ state ...issueLabels }}")
    parts = "...pull ...pullLabels" + (" ...place" if query.places else "")
    fields += [f"p{pull}: pullRequest(number: {pull}) {{ {parts} }}" for pull in query.pulls]
    if query.landed is not None:
        fields.append(f"landed: object(oid: {quoted(query.landed)}) {{ ...landing }}")
    if query.environment is not None:
        which = f"last: {_RELEASES}, environments: [{quoted(query.environment)}]"
        fields.append(f"deployments({which}) {{ nodes {{ ...release }} }}")
    owner, repo = quoted(str(where["owner"])), quoted(str(where["repo"]))
    return f"  m{n}: repository(owner: {owner}, name: {repo}) {{ {' '.join(fields)} }}"


class _Oid(Node):
    oid: Sha


class _Repository(Node):
    database_id: Id | None = None
    name_with_owner: str = ""


class _Pull(Node):
    number: Id
    state: str
    merged: bool
    is_draft: bool
    head_ref_name: str
    head_ref_oid: Sha
    base_ref_oid: Sha
    updated_at: AwareDatetime
    merge_commit: _Oid | None = None


class _Entry(Node):
    head_commit: _Oid | None = None
    base_commit: _Oid | None = None


class _Place(Node):
    """`is_in_merge_queue` None: not asked for."""

    is_in_merge_queue: bool | None = None
    merge_queue_entry: _Entry | None = None

    def place(self) -> QueuePlace | None:
        if self.is_in_merge_queue is None:
            return None
        entry = self.merge_queue_entry or _Entry()
        head, base = entry.head_commit, entry.base_commit
        return QueuePlace(
            inside=self.is_in_merge_queue,
            head=None if head is None else head.oid,
            base=None if base is None else base.oid,
        )


class _Review(Node):
    database_id: Id
    state: str
    submitted_at: AwareDatetime | None = None
    commit: _Oid | None = None


class _Run(Node):
    database_id: Id
    name: str
    status: str
    conclusion: str | None = None
    details_url: str | None = None
    started_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None


class _Status(Node):
    context: str
    state: str
    target_url: str | None = None
    created_at: AwareDatetime


class _Latest(Node):
    state: str
    created_at: AwareDatetime


class _Deployment(Node):
    commit_oid: Sha
    environment: str | None = None
    latest_status: _Latest | None = None


def states(
    wanted: Sequence[LiveQuery], found: Found, us: AppIdentity, now: datetime
) -> Iterator[LiveState]:
    """Yield the state of each mission that was answered; our own checks and reviews are left out.

    A repository that is not found, or is another one now, is gone; one that failed otherwise is
    left out, and so is a pull request.
    """
    for n, query in enumerate(wanted):
        data = found.data.get(f"m{n}")
        if data is None:
            if _LOST in found.kinds(f"m{n}"):
                yield LiveState(uid=query.uid, gone=True)
            continue
        here = fit(_Repository, data, "sweep")
        if here.database_id is not None and here.database_id != query.ref.repository_id:
            yield LiveState(uid=query.uid, gone=True)
            continue
        issue = data.get("issue")
        missing = issue is None and _LOST in found.kinds(f"m{n}", "issue")
        pulls = (data.get(f"p{number}") for number in query.pulls)
        yield LiveState(
            uid=query.uid,
            repository=here.name_with_owner,
            issue_closed=missing or (issue is not None and issue.get("state") == "CLOSED"),
            changes=tuple(_change(pull, us, now) for pull in pulls if pull is not None),
            deployments=_deployments(data.get("landed"), data),
            labels=tuple(_labels(query, data)),
        )


def _labels(query: LiveQuery, data: Mapping[str, Any]) -> Iterator[LabelsRead]:
    if query.issue is not None:
        yield from labels_read(query.issue, data.get("issue"))
    for number in query.pulls:
        yield from labels_read(number, data.get(f"p{number}"))


def _change(data: Mapping[str, Any], us: AppIdentity, now: datetime) -> ChangeState:
    pull = fit(_Pull, data, "sweep")
    sender = _actor(data.get("mergedBy") or data.get("author"))
    return ChangeState(
        pull=PullSeen(
            number=pull.number,
            head_ref=pull.head_ref_name,
            head_sha=pull.head_ref_oid,
            base_sha=pull.base_ref_oid,
            state="open" if pull.state == "OPEN" else "closed",
            merged=pull.merged,
            merge_sha=pull.merge_commit.oid if pull.merged and pull.merge_commit else None,
            draft=pull.is_draft,
            sender=actor_of(sender),
            at=pull.updated_at,
        ),
        reviews=tuple(
            review
            for review in _reviews(pull.number, nodes_of(data, "reviews"))
            if review.actor.login.lower() != us.bot_login.lower()
        ),
        checks=tuple(_checks(_commits(data), us, now)),
        place=fit(_Place, data, "sweep").place(),
    )


def _commits(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the commits whose checks matter: the head, and what a merge queue made of it."""
    yield from (node["commit"] for node in nodes_of(data, "commits"))
    grouped = (data.get("mergeQueueEntry") or {}).get("headCommit")
    if grouped is not None:
        yield grouped


def _actor(data: Mapping[str, Any] | None) -> User | None:
    return None if data is None else fit(WhoNode, data, "sweep").user()


def _reviews(number: int, nodes: Sequence[Mapping[str, Any]]) -> Iterator[ReviewSeen]:
    for node in nodes:
        said = fit(_Review, node, "sweep")
        review = Review(
            id=said.database_id,
            state=said.state,
            commit_id=said.commit.oid if said.commit else None,
            user=_actor(node.get("author")),
            submitted_at=said.submitted_at,
        )
        seen = review_seen(number, review)
        if seen is not None:
            yield seen


def _checks(
    commits: Iterable[Mapping[str, Any]], us: AppIdentity, now: datetime
) -> Iterator[CheckSeen]:
    for commit in commits:
        sha = fit(_Oid, commit, "sweep").oid
        for node in nodes_of(commit.get("statusCheckRollup") or {}, "contexts"):
            seen = _status(node, sha, us) if "context" in node else _check(node, sha, us, now)
            if seen is not None:
                yield seen


def _status(node: Mapping[str, Any], sha: str, us: AppIdentity) -> CheckSeen | None:
    status, creator = fit(_Status, node, "sweep"), _actor(node.get("creator"))
    if creator is not None and creator.login.lower() == us.bot_login.lower():
        return None
    seen = status_seen(sha, status.context, status.state.lower(), status.created_at)
    return seen and seen.model_copy(update={"url": status.target_url or ""})


def _check(node: Mapping[str, Any], sha: str, us: AppIdentity, now: datetime) -> CheckSeen | None:
    app = _app(node)
    if app is not None and app.id == us.id:
        return None
    return check_seen(_run(fit(_Run, node, "sweep"), sha, app), now)


def _run(run: _Run, sha: str, app: AppId | None) -> CheckRun:
    return CheckRun(
        id=run.database_id,
        name=run.name,
        head_sha=sha,
        status=run.status.lower(),
        conclusion=run.conclusion.lower() if run.conclusion else None,
        details_url=run.details_url,
        started_at=run.started_at,
        completed_at=run.completed_at,
        app=app,
    )


def _app(node: Mapping[str, Any]) -> AppId | None:
    app = (node.get("checkSuite") or {}).get("app") or {}
    number = app.get("databaseId")
    return None if number is None else AppId(id=number)


def _deployments(*places: Mapping[str, Any] | None) -> tuple[DeploymentSeen, ...]:
    """Read the deployments of a commit and of an environment; one that is both is told once."""
    nodes = [node for place in places for node in nodes_of(place or {}, "deployments")]
    found = (fit(_Deployment, node, "sweep") for node in nodes)
    seen = (
        DeploymentSeen(
            sha=deployment.commit_oid,
            environment=deployment.environment or "",
            state=deployment.latest_status.state.lower(),
            at=deployment.latest_status.created_at,
        )
        for deployment in found
        if deployment.latest_status is not None
    )
    return tuple(dict.fromkeys(seen))
