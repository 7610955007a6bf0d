"""From act's lines of JSON to the forge's job events."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from grace.localforge.runner import calls
from grace.localforge.runner.scrub import Scrubber
from grace.localforge.runner.workflow import Job, Workflow
from grace.localforge.runs import (
    Annotation,
    JobFinished,
    JobLog,
    JobStarted,
    PlannedJob,
    RunEvent,
)

MAX_ANNOTATIONS = 50
MAX_SUMMARY = 64 * 1024
_STEP = re.compile(r"(?:Run|Failure -) Main (.*?)(?: \[[^\]]*\])?$", re.DOTALL)
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}


@dataclass(slots=True)
class _Progress:
    """What is known of one leg while the run lasts."""

    planned: PlannedJob
    job: Job
    started: bool = False
    conclusion: str | None = None
    failed_step: str | None = None
    errored: bool = False
    unforeseen: str | None = None
    annotations: list[Annotation] = field(default_factory=list)
    summary: str = ""


class Tracker:
    """Folds act's records into events; every planned job finishes exactly once."""

    def __init__(
        self, workflow: Workflow, scrubber: Scrubber, clock: Callable[[], datetime]
    ) -> None:
        self._scrub = scrubber
        self._clock = clock
        self._legs: dict[str, dict[str, _Progress]] = {job.key: {} for job in workflow.jobs}
        planned = {job.job: job for job in workflow.planned()}
        for job in workflow.jobs:
            for leg in job.legs:
                key = job.leg_key(leg)
                self._legs[job.key][key] = _Progress(planned[key], job)
        self._timed_out: set[str] = set()

    def running(self) -> frozenset[str]:
        """Return the ids of jobs that have begun and have a leg that has not finished."""
        return frozenset(
            key
            for key, legs in self._legs.items()
            if any(p.started and p.conclusion is None for p in legs.values())
        )

    def mark_timed_out(self, job: str) -> None:
        """Let the unfinished legs of a job end as timed out, whatever act will say of them."""
        self._timed_out.add(job)

    def feed(self, record: Mapping[str, object]) -> list[RunEvent]:
        """Take one of act's records; return what it means."""
        progress = self._find(record)
        if progress is None or progress.conclusion is not None:
            return []
        events: list[RunEvent] = []
        if not progress.started:
            progress.started = True
            events.append(JobStarted(progress.planned.job, progress.planned.name, at=self._clock()))
        line = self._line(progress, record)
        events += [
            JobLog(progress.planned.job, part)
            for part in (self._plain(line).splitlines() if line is not None else ())
        ]
        result = record.get("jobResult")
        if isinstance(result, str):
            events += self._leg_ended(progress, result, bool(record.get("matrix")))
        return events

    def close(self, unfinished: str, unseen: str, reason: str) -> list[RunEvent]:
        """End every job that has not ended: `unfinished` where it had begun, else `unseen`."""
        events: list[RunEvent] = []
        for legs in self._legs.values():
            for progress in legs.values():
                if progress.conclusion is not None:
                    continue
                conclusion = unfinished if progress.started else unseen
                if unseen == "skipped" and progress.unforeseen is not None:
                    events += self._finish(progress, progress.unforeseen)
                    continue
                if reason and conclusion != "skipped":
                    self._annotate(progress, "failure", reason, {})
                events += self._finish(progress, conclusion)
        return events

    def _find(self, record: Mapping[str, object]) -> _Progress | None:
        """Return the leg a record speaks of; a leg nobody could foresee counts to its job."""
        legs = self._legs.get(calls.key_of(record))
        if not legs:
            return None
        matrix = record.get("matrix")
        leg: Mapping[str, object] = matrix if isinstance(matrix, dict) else {}
        for progress in legs.values():
            for known in progress.job.legs:
                if dict(known) == leg and progress.planned.job == progress.job.leg_key(known):
                    return progress
        return next(iter(legs.values())) if len(legs) == 1 else None

    def _line(self, progress: _Progress, record: Mapping[str, object]) -> str | None:
        """Return the log line of a record, having noted what else it says."""
        message = str(record.get("msg", ""))
        step = str(record.get("step", ""))
        match record.get("command"):
            case "add-mask":
                self._scrub.add(str(record.get("arg", "")))
                return None
            case "summary":
                progress.summary = (progress.summary + str(record.get("content", "")))[:MAX_SUMMARY]
                return None
            case "error" | "warning" | "notice" as level:
                pairs = record.get("kvPairs")
                text = str(record.get("arg", ""))
                self._annotate(
                    progress, _LEVELS[level], text, pairs if isinstance(pairs, dict) else {}
                )
                return f"{level.capitalize()}: {text}"
            case str():
                return None
            case _:
                pass
        if record.get("raw_output"):
            return message
        if record.get("stepResult") == "failure":
            progress.failed_step = progress.failed_step or _step_of(message) or step
            return f"Failed: {_step_of(message) or step}"
        if record.get("level") == "error":
            progress.errored = True
            return f"Error: {message}"
        begun = record.get("stage") == "Main" and " Run Main " in message
        return f"Run {_step_of(message) or step}" if begun else None

    def _plain(self, text: str) -> str:
        """Return text for a log: without secrets, nor colours, which could split a secret."""
        return self._scrub.clean(_COLOUR.sub("", text))

    def _annotate(
        self, progress: _Progress, level: str, text: str, pairs: Mapping[str, object]
    ) -> None:
        if len(progress.annotations) >= MAX_ANNOTATIONS:
            return
        line = str(pairs.get("line", "1"))
        progress.annotations.append(
            Annotation(
                path=self._scrub.clean(str(pairs.get("file") or ".github")),
                line=int(line) if line.isdecimal() else 1,
                level=level,
                message=self._scrub.clean(text),
            )
        )

    def _leg_ended(self, progress: _Progress, result: str, has_matrix: bool) -> Sequence[RunEvent]:
        """Conclude a leg; act calls a leg failed whose sibling failed, so its own steps decide.

        A job whose matrix is an expression stands for legs nobody could count: it ends with the
        run, failed if one of them failed.
        """
        own = progress.failed_step is not None or progress.errored
        failed = result != "success" and (own or not has_matrix)
        if failed and not any(item.level == "failure" for item in progress.annotations):
            where = (
                f"step `{progress.failed_step}` failed" if progress.failed_step else "job failed"
            )
            self._annotate(progress, "failure", where, {})
        conclusion = "failure" if failed else "success"
        if has_matrix and progress.job.legs == ({},):
            progress.unforeseen = "failure" if progress.unforeseen == "failure" else conclusion
            return ()
        return self._finish(progress, conclusion)

    def _finish(self, progress: _Progress, conclusion: str) -> list[RunEvent]:
        if progress.started and progress.job.key in self._timed_out:
            conclusion = "timed_out"
        progress.conclusion = conclusion
        return [
            JobFinished(
                job=progress.planned.job,
                name=progress.planned.name,
                conclusion=conclusion,
                at=self._clock(),
                annotations=tuple(progress.annotations),
                summary=self._scrub.clean(progress.summary),
            )
        ]


def _step_of(message: str) -> str:
    """Return the step that act's message names: `step` names the outermost alone."""
    match = _STEP.search(message)
    return match[1] if match else ""
