"""The port `Forge` on GitHub. One REST call a method, except where its docstring says more."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final

import httpx

from grace.adapters.github import agent_runs
from grace.adapters.github.checks import check_fields
from grace.adapters.github.commits import ApiCommit, CommitMade, commit
from grace.adapters.github.comparing import authors
from grace.adapters.github.drafts import NO_DRAFTS, mark_ready
from grace.adapters.github.governing import in_team, stop_issues
from grace.adapters.github.graph import ask
from grace.adapters.github.live import AT_ONCE, document, states
from grace.adapters.github.merge_queue import Queues, dequeue, enqueue, in_queue
from grace.adapters.github.missed import Missed
from grace.adapters.github.news import news, open_heads
from grace.adapters.github.ours import Ours
from grace.adapters.github.pace import Figures
from grace.adapters.github.payloads import AppId, Lenient, Pull, Repository, fit
from grace.adapters.github.problems import problem
from grace.adapters.github.reading import Reading
from grace.adapters.github.reports import read_report
from grace.adapters.github.seen import actor_of, pull_seen
from grace.adapters.github.session import AppIdentity, GitHubSite, Session, on
from grace.adapters.github.statuses import Statuses
from grace.adapters.github.voice import Voice
from grace.adapters.github.wire import Call, Refusal, Request, Watch
from grace.adapters.github.workflow_runs import workflow_runs
from grace.domain.events import Actor, CheckSeen, Permission
from grace.domain.mission import MissionRef
from grace.ports import (
    Change,
    ChangeDraft,
    ChangeState,
    CheckDraft,
    Clock,
    Courtesy,
    ForgeGone,
    ForgeRefused,
    GitAccess,
    LiveQuery,
    LiveState,
    MergeAnswer,
    MergeDraft,
    ProposalFound,
    ProposalQuery,
    ReportFound,
    ReportQuery,
    Routed,
    StopIssue,
)
from grace.ports.runs import WorkflowRun

_PERMISSIONS: Final = frozenset(Permission)
_MISSING: Final = frozenset({int(HTTPStatus.NOT_FOUND)})
_INVALID: Final = frozenset({int(HTTPStatus.UNPROCESSABLE_ENTITY)})
_NOT_MERGED: Final = _INVALID | {int(HTTPStatus.METHOD_NOT_ALLOWED), int(HTTPStatus.CONFLICT)}


class _Account(Lenient):
    id: int


class _PermissionAnswer(Lenient):
    permission: str
    role_name: str | None = None
    user: _Account | None = None


class _Merged(Lenient):
    sha: str | None = None
    merged: bool = False
    message: str = ""


def nobody() -> None:
    """Name no mission."""


class GitHubForge(Voice):
    """Speak to one GitHub as one app. Every REST call is told to `observe`.

    `mission` names the mission that is being worked for, for the record of calls.
    """

    def __init__(
        self,
        site: GitHubSite,
        client: httpx.AsyncClient,
        clock: Clock,
        observe: Callable[[Call], None],
        mission: Callable[[], str | None] = nobody,
    ) -> None:
        self._site = site
        self._clock = clock
        session = Session(site, client, clock, Watch(observe, mission))
        super().__init__(session, Reading(session, site.app_id, clock))
        self._statuses = Statuses(self._session, site.web_url)
        self._queues = Queues(self._session, clock)

    @property
    def session(self) -> Session:
        """Return what makes the calls, for whatever else speaks to the same GitHub."""
        return self._session

    async def identity(self) -> AppIdentity:
        """Return our app's id, slug and bot login; asked once."""
        return await self._session.identity()

    async def reach(self) -> str:
        """Prove that GitHub answers and knows our key or token."""
        app = await self._session.identity(fresh=True)
        if not self._session.is_app:
            return f"GitHub at {self._site.host} knows the token's owner, {app.name}"
        if app.id != self._site.app_id:
            raise ForgeRefused(
                f"the private key belongs to the GitHub App {app.slug} ({app.id}), "
                f"not to {self._site.app_id}; set the right id",
                HTTPStatus.UNAUTHORIZED,
            )
        return f"GitHub at {self._site.host} knows the app {app.name} ({app.slug}, id {app.id})"

    async def resolve(self, host: str, repository: str) -> MissionRef:
        """Look up a repository's numeric id and its installation: 2 calls and a token.

        With a personal token there is no installation, and it is 1 call.
        """
        if host != self._site.host:
            raise ForgeRefused(
                f"{host} is not the configured GitHub, {self._site.host}", HTTPStatus.NOT_FOUND
            )
        installation = None
        if self._session.is_app:
            installation = await self._session.find_installation(repository)
        ref = MissionRef(
            host=host, repository_id=0, repository=repository, installation_id=installation
        )
        request = on(ref, "resolve", "GET ")
        try:
            answer = await self._session.call(ref, request, _MISSING)
        except Refusal as refusal:
            raise self._problem(request, refusal) from refusal
        found = fit(Repository, answer.data, request.purpose)
        return ref.model_copy(update={"repository_id": found.id, "repository": found.full_name})

    async def git_access(self, ref: MissionRef) -> GitAccess:
        """Return the clone address and an installation token; no call while one is cached."""
        token = await self._session.token(ref)
        url = f"{self._site.web_url.rstrip('/')}/{ref.repository}.git"
        return GitAccess(url=url, username="x-access-token", token=token)

    async def redeliver(self, since: datetime) -> int:
        """Have deliveries sent again that failed since then; a token's owner has none."""
        return await Missed(self._session).ask_again(since) if self._session.is_app else 0

    async def ask_again(self, since: datetime) -> int:
        """Have deliveries sent again that failed since then."""
        return await self.redeliver(since)

    def figures(self) -> tuple[Figures, ...]:
        """Tell what each installation has left of its limits, for the page of measures."""
        return self._session.figures()

    async def read_live(self, wanted: Sequence[LiveQuery]) -> Sequence[LiveState]:
        """Read up to 50 missions: one GraphQL query for each installation among them.

        What GitHub could not answer is left out; an installation that was lost makes all of its
        missions gone.
        """
        if len(wanted) > AT_ONCE:
            raise ValueError(f"{len(wanted)} missions in one sweep; at most {AT_ONCE}")
        groups: dict[int | str, list[LiveQuery]] = {}
        for query in wanted:
            groups.setdefault(query.ref.installation_id or query.ref.repository, []).append(query)
        found: list[LiveState] = []
        for group in groups.values():
            found += await self._read_group(group)
        return found

    async def news(self, ref: MissionRef, label: str, since: datetime) -> Sequence[Routed]:
        """List what happened to labelled issues and in comments: two calls while both are short."""
        us = await self.identity()
        ours = Ours(self._site.host, self._site.app_id, us.bot_login, label)
        return await news(self._session, ref, ours, since)

    async def open_heads(self, ref: MissionRef) -> Sequence[Courtesy]:
        """List the heads of other people's open pull requests: a call for each hundred."""
        return await open_heads(self._session, ref)

    async def read_report(self, ref: MissionRef, wanted: ReportQuery) -> ReportFound | None:
        """Fetch the report artifact of the newest finished run that may have left it; see there."""
        return await read_report(self._session, ref, wanted)

    async def run_workflow(
        self, ref: MissionRef, workflow: str, branch: str, inputs: Mapping[str, str]
    ) -> None:
        """Start a workflow by hand, as it stands on a branch; see there."""
        await agent_runs.run_workflow(self._session, ref, (workflow, branch), inputs)

    async def read_proposal(self, ref: MissionRef, wanted: ProposalQuery) -> ProposalFound | None:
        """Find an agent's run that we ordered, and fetch what it left; see there."""
        return await agent_runs.read_proposal(self._session, ref, wanted)

    async def queue_required(self, ref: MissionRef, branch: str) -> bool:
        """Tell whether a branch has a merge queue: a query, remembered for ten minutes."""
        return await self._queues.required(ref, branch)

    async def describe_change(self, ref: MissionRef, number: int, title: str, body: str) -> None:
        request = on(ref, "describe pull request", "PATCH /pulls/{number}", number=number)
        await self._write(ref, request, {"title": title, "body": body})

    async def enqueue(self, ref: MissionRef, number: int, head: str) -> None:
        """Put a pull request into the merge queue: a query and a mutation."""
        await enqueue(self._session, ref, number, head)

    async def in_queue(self, ref: MissionRef, number: int) -> bool:
        """Tell whether a pull request stands in the merge queue: a query."""
        return await in_queue(self._session, ref, number)

    async def dequeue(self, ref: MissionRef, number: int) -> bool:
        """Take a pull request out of the merge queue: a query and a mutation."""
        return await dequeue(self._session, ref, number)

    async def commit(self, ref: MissionRef, order: ApiCommit) -> CommitMade:
        """Make a commit without git, signed by GitHub; see there."""
        return await commit(self._session, ref, order)

    async def permission(self, ref: MissionRef, login: str, user_id: int = 0) -> Permission:
        """Read what a person may do; a custom role counts as the one that it extends.

        Where `user_id` is given and the login is another's now, that is nothing.
        """
        request = on(ref, "permission", "GET /collaborators/{login}/permission", login=login)
        try:
            answer = await self._session.call(ref, request, _MISSING)
        except Refusal:
            return Permission.NONE
        found = fit(_PermissionAnswer, answer.data, request.purpose)
        if user_id and found.user is not None and found.user.id != user_id:
            return Permission.NONE
        for name in (found.role_name, found.permission):
            if name in _PERMISSIONS:
                return Permission(name)
        raise ForgeRefused(
            f"GitHub names a permission of {login} that is not known: {found.permission!r}",
            answer.status,
        )

    async def in_team(self, ref: MissionRef, team: str, login: str) -> bool:
        """Tell whether somebody is in a team, `organisation/team`."""
        return await in_team(self._session, ref, team, login)

    async def authors(self, ref: MissionRef, base: str, head: str) -> tuple[tuple[Actor, ...], int]:
        """List who wrote or made the commits between; 1 call, 3 at most."""
        return await authors(self._session, ref, base, head)

    async def stop_issues(self, ref: MissionRef, known: Sequence[int] = ()) -> Sequence[StopIssue]:
        """List who put our stop label on issues, and who took it off: a query; see there."""
        return await stop_issues(self._session, ref, known, self._clock.now())

    async def workflow_runs(self, ref: MissionRef, since: datetime) -> Sequence[WorkflowRun]:
        """List a repository's runs of CI since a moment; 1 call, 10 at most."""
        return await workflow_runs(self._session, ref, since)

    async def open_change(self, ref: MissionRef, draft: ChangeDraft) -> Change:
        """Open a pull request, or return the open one of that branch (one call more).

        One that is unfinished is opened as it is where the repository's plan has no drafts.
        """
        request = on(ref, "open pull request", "POST /pulls")
        fields = {
            "head": draft.head_branch,
            "base": draft.base_branch,
            "title": draft.title,
            "body": draft.body,
            **({"draft": True} if draft.unfinished else {}),
        }
        try:
            answer = await self._write(ref, request, fields, _INVALID)
        except Refusal as refusal:
            there = None
            if draft.unfinished and NO_DRAFTS in refusal.text.lower():
                return await self.open_change(ref, draft.model_copy(update={"unfinished": False}))
            if "already exists" in refusal.text:
                there = await self._reading.open_pull(ref, draft.head_branch, draft.base_branch)
            if there is None:
                raise self._problem(request, refusal) from refusal
            return _change(there)
        return _change(fit(Pull, answer.data, request.purpose))

    async def read_change(self, ref: MissionRef, number: int) -> ChangeState:
        """Read pull request, reviews and CI's check runs of its head; 3 calls while all are short.

        Our own check runs are left out. The sender is who merged it, else who opened it.
        """
        request = on(ref, "read pull request", "GET /pulls/{number}", number=number)
        pull = fit(Pull, (await self._session.call(ref, request)).data, request.purpose)
        return ChangeState(
            pull=pull_seen(pull, actor_of(pull.merged_by or pull.user)),
            reviews=await self._reading.reviews(ref, number),
            checks=await self._reading.checks(ref, pull.head.sha),
        )

    async def read_checks(self, ref: MissionRef, sha: str) -> tuple[CheckSeen, ...]:
        """Read CI's check runs of a commit; our own are left out. A call while they are few."""
        return await self._reading.checks(ref, sha)

    async def close_change(self, ref: MissionRef, number: int) -> None:
        request = on(ref, "close pull request", "PATCH /pulls/{number}", number=number)
        await self._write(ref, request, {"state": "closed"})

    async def mark_ready(self, ref: MissionRef, number: int) -> None:
        """Make a draft ready for review; see there."""
        await mark_ready(self._session, ref, number)

    async def publish_check(self, ref: MissionRef, draft: CheckDraft, check: str | None) -> str:
        """Create a check run, or bring `check` up to date; a status where that is the mode."""
        if self._site.mode == "statuses":
            return await self._statuses.publish(ref, draft)
        fields = check_fields(draft)
        if check is None:
            request = on(ref, "create check", "POST /check-runs")
            fields["head_sha"] = draft.sha
        else:
            request = on(ref, "update check", "PATCH /check-runs/{check}", check=check)
        answer = await self._write(ref, request, fields)
        return str(fit(AppId, answer.data, request.purpose).id)

    async def find_check(self, ref: MissionRef, sha: str, external_id: str) -> str | None:
        """Find our newest check run of a commit, or status, by its `external_id`."""
        if self._site.mode == "statuses":
            return await self._statuses.find(ref, sha, external_id)
        return await self._reading.check(ref, sha, external_id)

    async def request_review(self, ref: MissionRef, number: int, reviewers: Sequence[str]) -> None:
        """Ask people, and teams that are written `org/team`, to review."""
        call = "POST /pulls/{number}/requested_reviewers"
        people = [name for name in reviewers if "/" not in name]
        teams = [name.partition("/")[2] for name in reviewers if "/" in name]
        fields = {"reviewers": people, "team_reviewers": teams}
        await self._write(ref, on(ref, "request review", call, number=number), fields)

    async def merge(self, ref: MissionRef, draft: MergeDraft) -> MergeAnswer:
        """Merge exactly `draft.head`. Never repeated here: after no answer, read the state.

        405, 409 and 422 are answers, in GitHub's words: behind its base, a check or a merge queue
        that is required, conflicts; a head that moved; a message or method that is not allowed.
        """
        request = on(ref, "merge", "PUT /pulls/{number}/merge", number=draft.number)
        fields = {
            "sha": draft.head,
            "merge_method": draft.method,
            "commit_title": draft.subject,
            "commit_message": draft.message,
        }
        try:
            answer = await self._write(ref, request, fields, _NOT_MERGED)
        except Refusal as refusal:
            return MergeAnswer(status=refusal.status, message=refusal.text)
        said = fit(_Merged, answer.data, request.purpose)
        sha = said.sha if said.merged else None
        return MergeAnswer(sha=sha, status=answer.status, message=said.message)

    async def _read_group(self, group: Sequence[LiveQuery]) -> list[LiveState]:
        us = await self.identity()
        try:
            found = await ask(self._session, group[0].ref, "sweep", document(group))
        except ForgeGone:
            return [LiveState(uid=query.uid, gone=True) for query in group]
        return list(states(group, found, us, self._clock.now()))

    def _problem(self, request: Request, refusal: Refusal) -> Exception:
        return problem(refusal, request.purpose, self._clock.now())


def _change(pull: Pull) -> Change:
    return Change(number=pull.number, url=pull.html_url, head_sha=pull.head.sha)
