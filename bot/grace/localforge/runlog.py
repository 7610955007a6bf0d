"""The record of one attempt of a workflow run: rows, events, logs, artifacts."""

import hashlib
from pathlib import Path
from typing import Any, assert_never

from grace.localforge.checks import NewCheck, create_check, update_check
from grace.localforge.core import Core, Json, iso
from grace.localforge.db import Row
from grace.localforge.events import Event, emit
from grace.localforge.runs import JobFinished, JobLog, JobStarted, RunEvent
from grace.localforge.shapes.runs import job_json, job_page, run_json, workflow_json

FAILED = {"failure", "timed_out"}


class RunRecord:
    """Writes down what a runner tells of one attempt and passes it on as events."""

    def __init__(self, core: Core, run_id: int) -> None:
        self._core = core
        self.run = core.db.get("workflow_runs", run_id)
        self.repo = core.db.get("repositories", self.run["repository_id"])
        self.actor = core.user(self.run["triggering_id"])

    @property
    def from_fork(self) -> bool:
        """Tell whether the run tests a fork's pull request, which gets no identity token."""
        head = self._core.db.scalar(
            "SELECT head_repository_id FROM pulls WHERE repository_id=? AND number=?",
            self.repo["id"],
            self.run["pull_number"],
        )
        return head is not None and head != self.repo["id"]

    def jobs(self) -> list[Row]:
        """Return the jobs of this attempt."""
        return self._core.db.all(
            "SELECT * FROM jobs WHERE run_id=? AND attempt=? ORDER BY id",
            self.run["id"],
            self.run["run_attempt"],
        )

    async def begin(self) -> None:
        """Mark the run as working."""
        self._set("in_progress", None)
        await self.tell_run("in_progress")

    def take(self, event: RunEvent) -> None:
        """Write down one thing the runner told."""
        match event:
            case JobStarted():
                self._started(event)
            case JobLog():
                self._log(self._job(event.job, None), event.line)
            case JobFinished():
                self._finished(event)
            case _:
                assert_never(event)

    def fail_all(self, reason: str) -> None:
        """End every unfinished job as failed, with the reason where people look."""
        for job in self.jobs():
            if job["status"] != "completed":
                self._log(job, reason)
                self._complete(job, "failure", {"title": job["name"], "summary": reason}, [])

    async def finish(self, *, cancelled: bool) -> None:
        """End the run: what is unfinished is cancelled, or failed when nobody asked for that."""
        for job in self.jobs():
            if job["status"] != "completed":
                self._complete(job, "cancelled" if cancelled else "failure", {}, [])
        self._store_artifacts()
        self._set("completed", self._conclusion())
        await self.tell_run("completed")

    async def tell_run(self, action: str) -> None:
        """Tell of the run's state."""
        head = await self._core.git(self.repo).commit(self.run["head_sha"])
        workflow = self._core.db.get("workflows", self.run["workflow_id"])
        body = {
            "workflow_run": run_json(self._core, self.repo, self.run, head),
            "workflow": workflow_json(self._core, self.repo, workflow),
        }
        emit(self._core, Event("workflow_run", self.actor, self.repo, action, body))

    def tell_job(self, job: Row, action: str) -> None:
        """Tell of a job's state."""
        body = {"workflow_job": job_json(self._core, self.repo, self.run, job)}
        emit(self._core, Event("workflow_job", self.actor, self.repo, action, body))

    def _started(self, event: JobStarted) -> None:
        job = self._job(event.job, event.name)
        changes = {"status": "in_progress", "started_at": iso(event.at)}
        job = self._core.db.update("jobs", job["id"], **changes)
        check = self._core.db.get("check_runs", job["check_run_id"])
        update_check(self._core, self.repo, check, changes, self.actor)
        self.tell_job(job, "in_progress")

    def _finished(self, event: JobFinished) -> None:
        output = {"title": event.name, "summary": event.summary}
        annotations = [
            {
                "path": note.path,
                "start_line": note.line,
                "end_line": note.line,
                "annotation_level": note.level,
                "message": note.message,
            }
            for note in event.annotations
        ]
        job = self._job(event.job, event.name)
        self._complete(job, event.conclusion, output, annotations, iso(event.at))

    def _complete(
        self, job: Row, conclusion: str, output: Json, annotations: list[Json], at: str = ""
    ) -> None:
        changes: dict[str, Any] = {
            "status": "completed",
            "conclusion": conclusion,
            "completed_at": at or self._core.now(),
        }
        job = self._core.db.update("jobs", job["id"], **changes)
        check = self._core.db.get("check_runs", job["check_run_id"])
        changes |= {"output_json": output, "annotations_json": annotations}
        update_check(self._core, self.repo, check, changes, self.actor)
        self.tell_job(job, "completed")

    def _job(self, key: str, name: str | None) -> Row:
        """Return a job by key and name; one the plan did not foresee is made."""
        jobs = [job for job in self.jobs() if job["key"] == key]
        named = [job for job in jobs if name is None or job["name"] == name]
        if named or (jobs and len(jobs) == 1):
            return (named or jobs)[0]
        return self._unforeseen(key, name or key)

    def _unforeseen(self, key: str, name: str) -> Row:
        number = self._core.db.insert(
            "jobs",
            run_id=self.run["id"],
            attempt=self.run["run_attempt"],
            key=key,
            name=name,
            status="queued",
            check_run_id=0,
            created_at=self._core.now(),
        )
        suite = self._core.db.get("suites", self.run["suite_id"])
        page = job_page(self._core, self.repo, self.run, number)
        new = NewCheck(name, self.run["head_sha"], details_url=page)
        check = create_check(self._core, self.repo, suite, new, self.actor)
        return self._core.db.update("jobs", number, check_run_id=check["id"])

    def _log(self, job: Row, line: str) -> None:
        logs, _ = folders(self._core, self.run)
        with (logs / f"{job['id']}.txt").open("a", encoding="utf-8") as file:
            file.write(f"{self._core.now()} {line}\n")

    def _conclusion(self) -> str:
        found = {job["conclusion"] for job in self.jobs()}
        if found & FAILED:
            return "failure"
        if "cancelled" in found:
            return "cancelled"
        return "skipped" if found == {"skipped"} else "success"

    def _set(self, status: str, conclusion: str | None) -> None:
        self.run = self._core.db.update(
            "workflow_runs",
            self.run["id"],
            status=status,
            conclusion=conclusion,
            updated_at=self._core.now(),
        )

    def _store_artifacts(self) -> None:
        _, root = folders(self._core, self.run)
        for folder in sorted(path for path in root.iterdir() if path.is_dir()):
            files = artifact_files(folder)
            digest = hashlib.sha256()
            for file in files:
                digest.update(file.read_bytes())
            self._core.db.insert(
                "artifacts",
                run_id=self.run["id"],
                attempt=self.run["run_attempt"],
                name=folder.name,
                size=sum(file.stat().st_size for file in files),
                digest=f"sha256:{digest.hexdigest()}",
                created_at=self._core.now(),
            )


def artifact_files(folder: Path) -> list[Path]:
    """Return the files of an artifact; links are left out, they could lead elsewhere."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def folders(core: Core, run: Row) -> tuple[Path, Path]:
    """Return the folders of an attempt's logs and artifacts, made when they are missing."""
    root = core.config.data / "actions" / str(run["id"]) / str(run["run_attempt"])
    for folder in (root / "logs", root / "artifacts"):
        folder.mkdir(parents=True, exist_ok=True)
    return root / "logs", root / "artifacts"
