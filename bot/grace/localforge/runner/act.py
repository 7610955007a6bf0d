"""`ActRunner`: the forge's workflow runner."""

import asyncio
import re
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from grace.localforge.runner import actions, calls, dispatching, sandbox, stream
from grace.localforge.runner.errors import RunnerError, WorkflowInvalid
from grace.localforge.runner.launch import Launch, Toolchain, prepare, workflow_of
from grace.localforge.runner.scrub import Scrubber
from grace.localforge.runner.tracker import Tracker
from grace.localforge.runner.triggers import triggered
from grace.localforge.runner.workflow import header, parse
from grace.localforge.runs import (
    Annotation,
    JobFinished,
    ReadFile,
    RunEvent,
    RunRequest,
    WorkflowPlan,
)

_OVERDUE_S = 10.0
_ERROR_LIMIT = 4000
_HARMLESS = re.compile(r'\s*$|Error: Job .* failed$|\{.*"level":"(?:info|warning|debug)"')


def utc_now() -> datetime:
    """Return the time, aware of its zone."""
    return datetime.now(UTC)


@dataclass(slots=True)
class _Live:
    """A run that is under way."""

    cancelled: bool = False
    pid: int | None = None


@dataclass(slots=True)
class _Clockwork:
    """Deadlines of one run in seconds of the event loop's clock."""

    ends_at: float
    job_ends: dict[str, float] = field(default_factory=dict)
    overdue: bool = False


class ActRunner:
    """Runs workflow files through act on this machine, each run in its own cage.

    `local_actions` maps OWNER/NAME to the folder that stands in for that repository at any ref;
    GitHub's own checkout, artifact and setup-python actions come with this package. `python` is
    the interpreter whose folder is first on the steps' PATH. `timeout_s` bounds a whole run.
    `hidden` are folders whose content steps must not read, such as the forge's own data. `cage`
    is by default the strongest that works here.
    """

    def __init__(  # noqa: PLR0913 - the wiring of one object, all but two keyword-only
        self,
        act: Path,
        local_actions: Mapping[str, Path],
        *,
        python: Path | None = None,
        timeout_s: float = 1800.0,
        max_jobs: int = 2,
        hidden: Sequence[Path] = (),
        cage: sandbox.Cage | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._tools = Toolchain(
            act=act,
            folders={**actions.own_composites(), **local_actions},
            python=python,
            max_jobs=max_jobs,
        )
        self._timeout_s = timeout_s
        self._hidden = tuple(hidden)
        self._clock = clock
        self._live: dict[int, _Live] = {}
        self._cage = cage

    def plan(
        self, source: bytes, event_name: str, event: dict[str, object], read: ReadFile
    ) -> WorkflowPlan | None:
        """Return the jobs that `event` starts, or None; a file that is wrong gives an error.

        `read` gives files of the commit, for workflows that call others of their repository.
        """
        name = ""
        try:
            name, on, values = header(source)
            if not triggered(on, event_name, event):
                return None
            inputs: Mapping[str, str] = {}
            if event_name == dispatching.EVENT:
                given = event.get("inputs")
                inputs = dispatching.inputs_of(on, given if isinstance(given, dict) else {})
                event = {**event, "inputs": inputs}
            title = dispatching.title_of(event_name, values, event, inputs)
            workflow, _ = calls.expand(parse(source), self._tools.folders, read)
            actions.resolve(workflow.uses(), self._tools.folders)
        except WorkflowInvalid as error:
            return WorkflowPlan(name=name, jobs=(), error=str(error))
        return WorkflowPlan(name=name, jobs=workflow.planned(), title=title, inputs=inputs)

    async def run(self, request: RunRequest) -> AsyncIterator[RunEvent]:
        """Run the workflow; every planned job ends with exactly one `JobFinished`.

        A run that cannot begin ends all its jobs as failed with the reason as an annotation.
        Closing the iterator early kills the run.
        """
        live = self._live.setdefault(request.run_id, _Live())
        try:
            with tempfile.TemporaryDirectory(prefix="run-", ignore_cleanup_errors=True) as folder:
                root = Path(folder)
                try:
                    launch = await prepare(request, self._tools, root)
                except RunnerError as error:
                    for event in await self._not_begun(request, str(error)):
                        yield event
                    return
                async with aclosing(self._execute(request, launch, root, live)) as events:
                    async for event in events:
                        yield event
        finally:
            self._live.pop(request.run_id, None)

    async def cancel(self, run_id: int) -> None:
        """Stop a run at once; jobs that have not ended end as cancelled."""
        live = self._live.get(run_id)
        if live is None:
            return
        live.cancelled = True
        if live.pid is not None:
            sandbox.kill_group(live.pid)

    async def _execute(
        self, request: RunRequest, launch: Launch, root: Path, live: _Live
    ) -> AsyncGenerator[RunEvent, None]:
        if self._cage is None:
            self._cage = await sandbox.strongest()
        tracker = Tracker(launch.workflow, Scrubber(launch.secrets), self._clock)
        mounts = sandbox.Mounts((root, request.artifact_dir.resolve()), self._hidden)
        errors = root / "act.stderr"
        with errors.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *sandbox.wrap(self._cage, launch.argv, mounts),
                env=dict(launch.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
                limit=stream.LINE_LIMIT,
            )
        live.pid = process.pid
        loop = asyncio.get_running_loop()
        clockwork = _Clockwork(ends_at=loop.time() + self._timeout_s)
        try:
            async for line in stream.lines(process):
                if live.cancelled or _overdue(launch, tracker, clockwork, root):
                    break
                for event in tracker.feed(stream.record(line)):
                    _unseal(launch)
                    yield event
        finally:
            sandbox.kill_group(process.pid)
            await process.wait()
            sandbox.kill_steps(root)
        said = Scrubber(launch.secrets).clean(errors.read_text(errors="replace"))
        (request.log_dir / "runner.log").write_text(said)
        late = loop.time() >= clockwork.ends_at
        ending = _ending(cancelled=live.cancelled, late=late, overdue=clockwork.overdue, said=said)
        for event in tracker.close(*ending):
            yield event

    async def _not_begun(self, request: RunRequest, reason: str) -> list[RunEvent]:
        """End every job as failed; raises `RunnerError` where the file names no jobs."""
        try:
            workflow = await workflow_of(request, self._tools)
        except RunnerError as error:
            raise RunnerError(reason) from error
        note = Annotation(path=request.workflow, line=1, level="failure", message=reason)
        return [
            JobFinished(job.job, job.name, "failure", self._clock(), (note,), "")
            for job in workflow.planned()
        ]


def _overdue(launch: Launch, tracker: Tracker, clockwork: _Clockwork, root: Path) -> bool:
    """Enforce `timeout-minutes` of jobs; say whether the whole run must end."""
    now = asyncio.get_running_loop().time()
    jobs = {job.key: job for job in launch.workflow.jobs}
    for key in tracker.running():
        limit = jobs[key].timeout_s
        if limit is None:
            continue
        ends_at = clockwork.job_ends.setdefault(key, now + limit)
        if now < ends_at:
            continue
        tracker.mark_timed_out(key)
        sandbox.kill_steps(root, jobs[key].id)
        clockwork.overdue = now >= ends_at + _OVERDUE_S
        if clockwork.overdue:
            return True
    return now >= clockwork.ends_at


def _ending(*, cancelled: bool, late: bool, overdue: bool, said: str) -> tuple[str, str, str]:
    """Return what becomes of jobs that had begun, of those that had not, and why.

    act tells nothing of a job that its `if` or a failed need skipped; it does tell on stderr of
    what it could not do itself.
    """
    if cancelled:
        return "cancelled", "cancelled", "the run was cancelled"
    if late:
        return "timed_out", "cancelled", "the run took longer than it may"
    if overdue:
        return "cancelled", "cancelled", "the run was ended because a job did not stop"
    broken = [line for line in said.splitlines() if not _HARMLESS.match(line)]
    text = "\n".join(broken).strip()[:_ERROR_LIMIT]
    return ("failure", "failure", text) if text else ("failure", "skipped", "")


def _unseal(launch: Launch) -> None:
    """Remove the files with secrets: act has read them, and no step needs to."""
    for path in launch.sealed:
        path.unlink(missing_ok=True)
