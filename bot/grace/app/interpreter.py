"""Carry out effects through the ports; what comes of each goes back as an event.

An effect runs at least once and is seen at most once. `Job.tries` above 0 says that it may have
happened already: then the marker that it leaves is looked for first (see `effect_rules`).
"""

from dataclasses import dataclass, replace
from typing import assert_never

from grace.app.baseline import before_release
from grace.app.inspection import Inspector
from grace.app.landing import KILL_SWITCH_RETRY_S, Landing, Stopped, killed
from grace.app.publication import Publication
from grace.app.remedying import Remedying
from grace.app.reports import bound
from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import trailers
from grace.domain.policy import Policy
from grace.domain.render import marker
from grace.domain.signing import Signer
from grace.domain.sshsig import sign_commit
from grace.ports import (
    AttestationVerifier,
    ChangeDraft,
    CheckDraft,
    Clock,
    CommitOrder,
    Forge,
    ForgeGone,
    ForgeRefused,
    ForgeUnavailable,
    Job,
    MetricSource,
    ReportQuery,
    Repositories,
    RuleReader,
    RunBoard,
    SampleStore,
    Store,
)
from grace.ports.memory import MemorySearch

NOT_FOUND = 404
SOMEBODY = ev.Actor(login="somebody")


@dataclass(frozen=True, slots=True)
class World:
    """Everything that an effect may touch."""

    forge: Forge
    repositories: Repositories
    metrics: MetricSource
    samples: SampleStore
    store: Store
    signer: Signer
    policy: Policy
    clock: Clock
    rules: RuleReader
    attestations: AttestationVerifier
    stopped: Stopped
    runs: RunBoard
    memory: MemorySearch


class Interpreter:
    """Carry out one effect at a time; safe to use concurrently."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._names: dict[str, str] = {}
        self._landing = Landing(
            world.forge,
            world.store,
            world.policy,
            world.clock,
            world.stopped,
            self._landed,
            self._sealed,
        )
        self._inspector = Inspector(
            world.forge, world.repositories, world.rules, world.attestations, world.policy
        )
        self._remedying = Remedying(world.forge, world.runs, world.memory, world.clock)
        self._publication = Publication(world.store, world.repositories, world.signer, world.clock)

    async def carry_out(self, job: Job) -> ev.Event:
        """Carry out an effect and return what came of it.

        Raises `ForgeUnavailable` when it should be tried again later.
        """
        try:
            return await self._do(job)
        except ForgeGone as error:
            return ev.RepositoryGone(reason=error.sentence)
        except ForgeRefused as error:
            return ev.EffectFailed(
                key=job.effect.key, effect=job.effect.kind, reason=error.sentence
            )

    async def _do(self, job: Job) -> ev.Event:
        await self._stop_if_killed(job)
        match job.effect:
            case fx.ReadPermission() as effect:
                return await self._permission(job, effect)
            case fx.ReadPull(number=number):
                return await self._read_pull(job, number)
            case fx.ReadBase() | fx.ReadContains() | fx.ReadTree() as effect:
                return await self._inspector.look(job.mission.ref, effect)
            case fx.ReadReport(head=head):
                return await self._report(job, head)
            case (
                fx.ReadRef() | fx.InspectPatch() | fx.ReadTeam() | fx.VerifyAttestations() as effect
            ):
                return await self._inspector.read(job, effect)
            case fx.PushPatch() as effect:
                return await self._push_patch(job, effect)
            case fx.OpenPull() as effect:
                return await self._open_pull(job, effect)
            case fx.PublishComment() as effect:
                return await self._comment(job, effect)
            case fx.PublishCheck() as effect:
                return await self._check(job, effect)
            case fx.MergePull() | fx.Dequeue() as effect:
                return await self._landing.carry_out(job, effect)
            case fx.SampleMetrics() | fx.ReadBaseline() as effect:
                return await self._measure(effect)
            case fx.PushRevert() as effect:
                return await self._push_revert(job, effect)
            case fx.FileIssue() as effect:
                return await self._file_issue(job, effect)
            case fx.ReadMemory():
                return await self._remedying.recall(job.mission)
            case fx.AskAgent() | fx.ReadProposal() | fx.OfferRun() | fx.WithdrawRun() as effect:
                return await self._remedying.carry_out(job, effect)
            case _:
                await self._small(job)
                return ev.EffectDone(key=job.effect.key)

    async def _stop_if_killed(self, job: Job) -> None:
        """Put off what was decided before the kill switch came on and would change code."""
        effect = job.effect
        # A merge looks for itself: one that is in doubt may have to leave a queue again.
        forward = (
            isinstance(effect, fx.PushPatch | fx.AskAgent)
            or (isinstance(effect, fx.OfferRun) and effect.order.mode == "run")
            or (isinstance(effect, fx.OpenPull) and effect.purpose == "work")
        )
        stop = await self._world.stopped(job.mission.ref) if forward else None
        if stop is not None:
            raise ForgeUnavailable(killed(stop), KILL_SWITCH_RETRY_S)

    async def _small(self, job: Job) -> None:
        """Carry out what has nothing to tell; doing any of these twice is doing it once."""
        forge, ref = self._world.forge, job.mission.ref
        match job.effect:
            case fx.RequestReview(number=number, reviewers=reviewers):
                await forge.request_review(ref, number, reviewers)
            case fx.SetLabels(number=number, add=add, remove=remove):
                await forge.set_labels(ref, number, add, remove)
            case fx.CloseIssue(number=number, reason=reason):
                await forge.close_issue(ref, number, reason)
            case fx.ClosePull(number=number):
                await forge.close_change(ref, number)
            case fx.MarkReady(number=number):
                await forge.mark_ready(ref, number)
            case fx.React(comment=comment, reaction=reaction):
                await forge.react(ref, comment, reaction)
            case fx.Reply() as effect:
                await self._reply(job, effect)
            case fx.PublishLedger():
                await self._publication.publish(ref)
            case (
                fx.ReadPermission()
                | fx.ReadBase()
                | fx.ReadPull()
                | fx.ReadContains()
                | fx.ReadReport()
                | fx.ReadTree()
                | fx.ReadRef()
                | fx.InspectPatch()
                | fx.ReadTeam()
                | fx.VerifyAttestations()
                | fx.PushPatch()
                | fx.OpenPull()
                | fx.PublishComment()
                | fx.PublishCheck()
                | fx.MergePull()
                | fx.Dequeue()
                | fx.SampleMetrics()
                | fx.ReadBaseline()
                | fx.PushRevert()
                | fx.FileIssue()
                | fx.ReadMemory()
                | fx.AskAgent()
                | fx.ReadProposal()
                | fx.OfferRun()
                | fx.WithdrawRun()
            ):
                raise AssertionError(f"{job.effect.kind} has something to tell")
            case _ as never:
                assert_never(never)

    async def _measure(self, effect: fx.SampleMetrics | fx.ReadBaseline) -> ev.Event:
        """Sample metrics now, or read what they were like before a release, as it was kept."""
        if isinstance(effect, fx.SampleMetrics):
            catalog = self._world.policy.catalog.metrics
            wanted = {m: catalog[m] for m in effect.metric_ids}
            return ev.MetricsSampled(samples=await self._world.metrics.sample_all(wanted))
        return await before_release(self._world.samples, self._world.policy, effect)

    async def _permission(self, job: Job, effect: fx.ReadPermission) -> ev.Event:
        permission = await self._world.forge.permission(
            job.mission.ref, effect.login, effect.user_id
        )
        return ev.PermissionRead(login=effect.login, about=effect.about, permission=permission)

    async def _read_pull(self, job: Job, number: int) -> ev.Event:
        """Read a pull request; a merged one is a landing, with the tree that landed."""
        state = await self._world.forge.read_change(job.mission.ref, number)
        if state.pull.merged and state.pull.merge_sha is not None:
            return await self._landed(job, number, state.pull.merge_sha)
        # A read does not say who pushed or closed; whoever it was, it was no effect of ours.
        pull = state.pull.model_copy(update={"sender": SOMEBODY})
        return ev.ChangeRead(pull=pull, reviews=state.reviews, checks=state.checks)

    async def _landed(self, job: Job, number: int, sha: str) -> ev.Merged:
        """Say what landed, and of a revert whether it restored what it was to restore."""
        mission, repositories = job.mission, self._world.repositories
        tree = await repositories.tree(mission.ref, sha)
        work = mission.pull is not None and mission.pull.number == number
        found = None
        if not work and mission.landing is not None:
            before = mission.revert.before if mission.revert is not None else None
            landed = mission.landing.sha
            found = await repositories.restored(mission.ref, landed, sha, before)
        return ev.Merged(
            purpose="work" if work else "revert",
            sha=sha,
            tree=tree,
            at=self._world.clock.now(),
            restored=None if found is None else not found.differing,
            before_tree=None if found is None else found.tree,
            differing=() if found is None else found.differing,
        )

    async def _named(self, job: Job) -> str:
        """Return the repository's name as it was when its log was opened: seals bind to it."""
        log = job.mission.ref.log
        if log not in self._names:
            first = await self._world.store.entries(log, 0, 1)
            opened = first[0].payload if first else None
            self._names[log] = str((opened or {}).get("repository", job.mission.ref.repository))
        return self._names[log]

    def _order(self, job: Job, message: trailers.MissionMessage, name: str) -> CommitOrder:
        place = trailers.Place(repository=name, log=job.mission.ref.log, tree="")
        return CommitOrder(
            message=lambda tree: trailers.seal(
                message, replace(place, tree=tree), self._world.signer
            ),
            sign=lambda raw: sign_commit(raw, self._world.signer),
            at=job.created_at,
        )

    def _message(
        self, job: Job, subject: str, body: str, agent: str, approved: tuple[str, ...] = ()
    ) -> trailers.MissionMessage:
        mission = job.mission
        entry = trailers.LedgerRef(seq=job.entry.seq, hash=job.entry.hash)
        block = trailers.MissionTrailers(
            mission=mission.name,
            issue=f"{mission.ref.repository}#{mission.issue}",
            agent=trailers.token(agent),
            entry=entry,
            approved_by=tuple(trailers.Approval(login=a, gate="approvals") for a in approved),
        )
        return trailers.MissionMessage.of(subject, block, body=body.split("\n"), refs=mission.issue)

    async def _push_patch(self, job: Job, effect: fx.PushPatch) -> ev.Event:
        message = self._message(job, effect.subject, effect.body, effect.agent)
        order = self._order(job, message, await self._named(job))
        leased = effect.model_copy(update={"expected": job.mission.remote_head})
        return await self._world.repositories.push_patch(job.mission.ref, leased, order)

    async def _push_revert(self, job: Job, effect: fx.PushRevert) -> ev.Event:
        message = self._message(job, effect.subject, effect.body, "revert")
        order = self._order(job, message, await self._named(job))
        again, ref = job.tries > 0 or effect.again, job.mission.ref
        made = await self._world.repositories.push_revert(ref, effect, order, again=again)
        if isinstance(made, ev.RevertRefused) or made.before is None:
            return made
        checks = await self._world.forge.read_checks(ref, made.before)
        return made.model_copy(update={"checks": checks})

    async def _open_pull(self, job: Job, effect: fx.OpenPull) -> ev.Event:
        draft = ChangeDraft(
            head_branch=effect.head_branch,
            base_branch=effect.base_branch,
            title=effect.title,
            body=effect.body,
            unfinished=effect.draft,
        )
        change = await self._world.forge.open_change(job.mission.ref, draft)
        return ev.PullOpened(
            purpose=effect.purpose, number=change.number, url=change.url, head=effect.head
        )

    async def _comment(self, job: Job, effect: fx.PublishComment) -> ev.Event:
        forge, mission = self._world.forge, job.mission
        body = effect.body
        if effect.audit:
            body += "\n" + await self._publication.table(job)
        known = mission.surface_ids.get(effect.surface)
        if known is None or not await self._edited(job, known, body):
            known = None
            if job.tries > 0:  # what an earlier try wrote may stand there
                mark = marker(mission, effect.surface)
                known = await forge.find_comment(mission.ref, effect.number, mark)
            if known is None or not await self._edited(job, known, body):
                known = await forge.post_comment(mission.ref, effect.number, body)
        return ev.Published(surface=effect.surface, id=known, digest=effect.digest)

    async def _edited(self, job: Job, comment: str, body: str) -> bool:
        """Edit a comment; False: somebody deleted it, and a new one takes its place."""
        try:
            await self._world.forge.edit_comment(job.mission.ref, comment, body)
        except ForgeRefused as error:
            if error.status != NOT_FOUND:
                raise
            return False
        return True

    async def _reply(self, job: Job, effect: fx.Reply) -> None:
        """Answer once: after a doubtful try the answer may stand there already."""
        forge, mission = self._world.forge, job.mission
        mark = marker(mission, effect.surface)
        if job.tries and await forge.find_comment(mission.ref, effect.number, mark) is not None:
            return
        await forge.post_comment(mission.ref, effect.number, effect.body)

    async def _report(self, job: Job, head: str) -> ev.Event:
        """Fetch the report that CI left as an artifact, where it is about this run and head."""
        mission, policy = job.mission, self._world.policy
        wanted = ReportQuery(
            head=head,
            branch=mission.branch,
            pull=None if mission.pull is None else mission.pull.number,
            workflows=policy.governance.tests.workflows,
        )
        found = await self._world.forge.read_report(mission.ref, wanted)
        report = None if found is None else bound(found, policy)
        if report is None:
            return ev.EffectDone(key=job.effect.key)
        return ev.ResultsReported(report=report)

    async def _check(self, job: Job, effect: fx.PublishCheck) -> ev.Event:
        forge, mission = self._world.forge, job.mission
        draft = CheckDraft(
            name=effect.name,
            sha=effect.sha,
            external_id=f"{mission.uid}:{effect.surface}",
            conclusion=effect.conclusion,
            title=effect.title,
            summary=effect.summary,
            at=self._world.clock.now(),
            buttons=effect.buttons,
            annotations=effect.annotations,
        )
        known = mission.surface_ids.get(effect.surface)
        if known is None and job.tries > 0:
            known = await forge.find_check(mission.ref, effect.sha, draft.external_id)
        check = await forge.publish_check(mission.ref, draft, known)
        return ev.Published(surface=effect.surface, id=check, digest=effect.digest)

    async def _sealed(self, job: Job, effect: fx.MergePull) -> str:
        """Write a merge's message, with trailers sealed over the tested tree."""
        message = self._message(job, effect.subject, effect.body, effect.agent, effect.approved_by)
        return self._order(job, message, await self._named(job)).message(effect.tree)

    async def _file_issue(self, job: Job, effect: fx.FileIssue) -> ev.Event:
        forge, ref = self._world.forge, job.mission.ref
        found = None
        if job.tries > 0:
            mark = marker(job.mission, effect.purpose)
            found = await forge.find_issue(ref, effect.labels[0], mark)
        if found is None:
            found = await forge.file_issue(ref, effect.title, effect.body, effect.labels)
        return ev.IssueFiled(purpose=effect.purpose, number=found.number, url=found.url)
