"""Workflow runs: which an event starts, their jobs as check runs, their logs and artifacts."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog

from grace.localforge.auth import Grant, issue_token
from grace.localforge.branches import RefChange
from grace.localforge.checks import NewCheck, create_check, suite_for
from grace.localforge.core import Core, Json
from grace.localforge.db import Row
from grace.localforge.oidc import SERVICE
from grace.localforge.pulls import base_tip, refresh_merge_ref
from grace.localforge.runlog import RunRecord, folders
from grace.localforge.runs import (
    InputsRefused,
    PlannedJob,
    RunRequest,
    WorkflowPlan,
    WorkflowRunner,
)
from grace.localforge.shapes.runs import job_page, workflow_ref

FOLDER: Final = ".github/workflows"
BY_HAND: Final = "workflow_dispatch"
_PLAIN: Final = frozenset({"100644", "100755"})


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event that may start workflows on a commit."""

    repo: Row
    event_name: str
    event: Json
    sha: str
    ref: str
    branch: str
    sender: Row
    pull: Row | None = None


class Actions:
    """Plans and runs workflows through a runner, a bounded number at a time."""

    def __init__(self, core: Core, runner: WorkflowRunner) -> None:
        self._core = core
        self._runner = runner
        self._slots = asyncio.Semaphore(core.config.parallel_runs)
        self._cancelled: set[int] = set()

    def resume(self) -> None:
        """Begin again the runs that an earlier process did not finish."""
        for run in self._core.db.all("SELECT * FROM workflow_runs WHERE status<>'completed'"):
            self._core.spawn(self._execute(run["id"]), f"run {run['id']}")

    async def push(self, repo: Row, change: RefChange, event: Json, sender: Row) -> None:
        """Start what a push to a branch starts."""
        branch = change.branch or ""
        trigger = Trigger(repo, "push", event, change.after, change.ref, branch, sender)
        await self._start(trigger)

    async def pull_request(self, repo: Row, pull: Row, event: Json, sender: Row) -> None:
        """Start what a new head of a pull request starts; nothing while it conflicts."""
        tip = await base_tip(self._core, repo, pull)
        if tip is None or await refresh_merge_ref(self._core, repo, pull, tip) is None:
            return
        ref = f"refs/pull/{pull['number']}/merge"
        sha, branch = pull["head_sha"], pull["head_ref"]
        await self._start(Trigger(repo, "pull_request", event, sha, ref, branch, sender, pull))

    async def merge_group(self, repo: Row, entry: Row, event: Json, sender: Row) -> None:
        """Start what a group of the merge queue starts."""
        sha, branch = entry["head_sha"], entry["ref"]
        ref = f"refs/heads/{branch}"
        await self._start(Trigger(repo, "merge_group", event, sha, ref, branch, sender))

    async def dispatch(self, trigger: Trigger, path: str) -> bool:
        """Start one workflow by hand; False when it does not allow that.

        Raises `InputsRefused`, also for a file that is not valid.
        """
        files = await self.files(trigger.repo, trigger.sha)
        plan = self._plan(trigger, path, files)
        if plan is None:
            return False
        if plan.error is not None:
            raise InputsRefused(f"failed to parse workflow: {plan.error}")
        event = {**trigger.event, "inputs": dict(plan.inputs)}
        await self._queue(await self._create(replace(trigger, event=event), path, plan))
        return True

    def registered(self, repo: Row, path: str, name: str) -> Row:
        """Return the row of a workflow, made where it has none yet."""
        db = self._core.db
        found = db.one("SELECT * FROM workflows WHERE repository_id=? AND path=?", repo["id"], path)
        if found is not None:
            return found
        now = self._core.now()
        number = db.insert(
            "workflows", repository_id=repo["id"], path=path, name=name or path, created_at=now
        )
        return db.get("workflows", number)

    async def files(self, repo: Row, sha: str) -> dict[str, bytes]:
        """Read the workflow files of a commit, by their paths; a link is none."""
        git = self._core.git(repo)
        folder = await git.entry(sha, FOLDER)
        if folder is None or folder.kind != "tree":
            return {}
        return {
            f"{FOLDER}/{entry.path}": await git.blob(entry.sha)
            for entry in await git.tree(folder.sha)
            if entry.mode in _PLAIN and entry.path.endswith((".yml", ".yaml"))
        }

    async def rerun(self, run: Row, sender: Row) -> None:
        """Run a finished workflow run again as its next attempt."""
        core = self._core
        core.db.update(
            "workflow_runs",
            run["id"],
            run_attempt=run["run_attempt"] + 1,
            status="queued",
            conclusion=None,
            triggering_id=sender["id"],
            started_at=core.now(),
            updated_at=core.now(),
        )
        await self._queue(run["id"])

    async def cancel(self, run: Row) -> None:
        """Stop a run that waits or works."""
        self._cancelled.add(run["id"])
        await self._runner.cancel(run["id"])

    async def _start(self, trigger: Trigger) -> None:
        files = await self.files(trigger.repo, trigger.sha)
        for path in files:
            await self._start_file(trigger, path, files)

    async def _start_file(self, trigger: Trigger, path: str, files: Mapping[str, bytes]) -> None:
        plan = self._plan(trigger, path, files)
        if plan is not None:
            await self._queue(await self._create(trigger, path, plan))

    def _plan(self, trigger: Trigger, path: str, files: Mapping[str, bytes]) -> WorkflowPlan | None:
        if path not in files:
            return None
        return self._runner.plan(files[path], trigger.event_name, trigger.event, files.get)

    async def _create(self, trigger: Trigger, path: str, plan: WorkflowPlan) -> int:
        core, repo = self._core, trigger.repo
        commit = await core.git(repo).commit(trigger.sha)
        suite = await suite_for(core, repo, core.actions_app(), trigger.sha, fresh=True)
        with core.db.transaction():
            workflow = self._workflow(repo, path, plan.name)
            title = plan.title or commit.message.split("\n", 1)[0]
            if not plan.title and trigger.pull is not None:
                title = core.db.get("issues", trigger.pull["issue_id"])["title"]
            if not plan.title and trigger.event_name == BY_HAND:
                title = workflow["name"]
            return core.db.insert(
                "workflow_runs",
                repository_id=repo["id"],
                workflow_id=workflow["id"],
                run_number=workflow["runs"],
                run_attempt=1,
                event=trigger.event_name,
                event_json=trigger.event,
                head_branch=trigger.branch,
                head_sha=trigger.sha,
                ref=trigger.ref,
                pull_number=trigger.pull["number"] if trigger.pull else None,
                status="queued",
                actor_id=trigger.sender["id"],
                triggering_id=trigger.sender["id"],
                suite_id=suite["id"],
                title=title,
                plan_json=_plan_json(path, plan),
                created_at=core.now(),
                updated_at=core.now(),
                started_at=core.now(),
            )

    def _workflow(self, repo: Row, path: str, name: str) -> Row:
        found = self.registered(repo, path, name)
        changes = {"name": name or path, "runs": found["runs"] + 1}
        return self._core.db.update("workflows", found["id"], **changes)

    async def _queue(self, run_id: int) -> None:
        """Make the jobs of an attempt, tell of them, and let it wait for its turn."""
        record = RunRecord(self._core, run_id)
        run, repo = record.run, record.repo
        suite = self._core.db.get("suites", run["suite_id"])
        await record.tell_run("requested")
        for job in run["plan_json"]["jobs"]:
            job_id = self._core.db.insert(
                "jobs",
                run_id=run_id,
                attempt=run["run_attempt"],
                key=job["job"],
                name=job["name"],
                status="queued",
                check_run_id=0,
                created_at=self._core.now(),
            )
            new = NewCheck(
                job["name"],
                run["head_sha"],
                external_id=f"{run_id}-{run['run_attempt']}-{job['job']}",
                details_url=job_page(self._core, repo, run, job_id),
            )
            check = create_check(self._core, repo, suite, new, record.actor)
            row = self._core.db.update("jobs", job_id, check_run_id=check["id"])
            record.tell_job(row, "queued")
        self._core.spawn(self._execute(run_id), f"run {run_id}")

    async def _execute(self, run_id: int) -> None:
        async with self._slots:
            record = RunRecord(self._core, run_id)
            if run_id not in self._cancelled:
                await self._work(record)
            was_cancelled = run_id in self._cancelled
            self._cancelled.discard(run_id)
            await record.finish(cancelled=was_cancelled)
            self._core.db.run("DELETE FROM tokens WHERE run_id=?", run_id)

    async def _work(self, record: RunRecord) -> None:
        if record.run["plan_json"]["error"]:
            record.fail_all(str(record.run["plan_json"]["error"]))
            return
        await record.begin()
        try:
            async for event in self._runner.run(self._request(record)):
                record.take(event)
        except Exception as error:  # noqa: BLE001 - a runner's failure is a failed run, whatever it is
            structlog.get_logger().error(
                "forge.runner_failed", run=record.run["id"], exc_info=error
            )
            record.fail_all(f"The runner failed: {error}")

    def _request(self, record: RunRecord) -> RunRequest:
        run, repo = record.run, record.repo
        logs, artifacts = folders(self._core, run)
        return RunRequest(
            repository=f"{repo['owner']}/{repo['name']}",
            bare=self._core.bare(repo),
            sha=run["head_sha"],
            ref=run["ref"],
            workflow=run["plan_json"]["path"],
            event_name=run["event"],
            event=run["event_json"],
            run_id=run["id"],
            run_attempt=run["run_attempt"],
            actor=self._core.user(run["actor_id"])["login"],
            env=self._environment(record),
            log_dir=logs,
            artifact_dir=artifacts,
        )

    def _environment(self, record: RunRecord) -> dict[str, str]:
        core, run, repo = self._core, record.run, record.repo
        name = f"{repo['owner']}/{repo['name']}"
        environment = {
            **core.config.job_environment,
            "FORGE_URL": core.url,
            "FORGE_GIT_URL": f"{core.url}/{name}.git",
            "FORGE_TOKEN": self._token(record, {"contents": "read", "metadata": "read"}),
            "GITHUB_API_URL": core.api,
            "GITHUB_SERVER_URL": core.url,
            "GITHUB_REPOSITORY": name,
            "GITHUB_REPOSITORY_ID": str(repo["id"]),
            "GITHUB_REPOSITORY_OWNER": repo["owner"],
            "GITHUB_RUN_ID": str(run["id"]),
            "GITHUB_RUN_NUMBER": str(run["run_number"]),
            "GITHUB_RUN_ATTEMPT": str(run["run_attempt"]),
            "GITHUB_WORKFLOW_REF": workflow_ref(repo, run, run["plan_json"]["path"]),
            "GITHUB_ACTOR": core.user(run["actor_id"])["login"],
            "GITHUB_TRIGGERING_ACTOR": record.actor["login"],
            "GITHUB_REF": run["ref"],
        }
        if not record.from_fork:
            # Clients append `&audience=`, so the address must have a query already.
            environment["ACTIONS_ID_TOKEN_REQUEST_URL"] = (
                f"{core.url}{SERVICE}/request?api-version=2"
            )
            environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = self._token(
                record, {"id_token": "write"}
            )
        return environment

    def _token(self, record: RunRecord, permissions: dict[str, str]) -> str:
        app = self._core.actions_app()
        installation = self._core.db.scalar(
            "SELECT id FROM installations WHERE app_id=? AND account_id=?",
            app["id"],
            record.repo["owner_id"],
        )
        grant = Grant(
            "job",
            app["user_id"],
            installation,
            record.run["id"],
            permissions,
            (record.repo["id"],),
        )
        return issue_token(self._core, grant)


def _plan_json(path: str, plan: WorkflowPlan) -> Json:
    jobs = plan.jobs
    if plan.error is not None and not jobs:
        jobs = (PlannedJob("workflow", path, ()),)
    shaped = [{"job": job.job, "name": job.name, "needs": list(job.needs)} for job in jobs]
    return {"path": path, "error": plan.error, "jobs": shaped}
