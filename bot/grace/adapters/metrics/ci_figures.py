"""What runs of CI come to, in one number each."""

from collections.abc import Sequence
from statistics import median
from typing import Final, Literal, assert_never

from grace.adapters.metrics.reading import Reading, idle, nothing
from grace.ports.runs import WorkflowRun

CiFigure = Literal["ci_success_rate", "ci_duration", "ci_queue", "ci_flakiness"]
_PASSED: Final = frozenset({"success"})
_FAILED: Final = frozenset({"failure", "timed_out", "startup_failure"})
_PERCENT: Final = 100.0


def read_figure(figure: CiFigure, runs: Sequence[WorkflowRun], hours: float) -> Reading:
    """Read one figure of the runs within so many hours.

    Cancelled, skipped and neutral runs say nothing about the code, and are left out.
    """
    ended = [run for run in runs if _passed(run) or _failed(run)]
    if not runs or (figure != "ci_queue" and not ended):
        return idle(f"no run of CI ended in the last {hours:g} hours")
    window = hours * 3600
    match figure:
        case "ci_success_rate":
            share = sum(map(_passed, ended)) / len(ended)
            return Reading(_PERCENT * share, "", window, len(ended))
        case "ci_duration":
            spans = [(run.updated - run.began).total_seconds() for run in ended]
            return Reading(median(spans), "", window, len(spans))
        case "ci_queue":
            return _queue(runs, window)
        case "ci_flakiness":
            return _flakiness(ended, window)
        case unknown:
            assert_never(unknown)


def _queue(runs: Sequence[WorkflowRun], window: float) -> Reading:
    """Read the median wait of first attempts; of others nobody tells when they were asked for."""
    waits = [(run.began - run.created).total_seconds() for run in runs if run.attempt == 1]
    if not waits:
        return nothing("every run of CI was run again, so that its first wait is not known")
    return Reading(median(waits), "", window, len(waits))


def _flakiness(ended: Sequence[WorkflowRun], window: float) -> Reading:
    """Read the share of (workflow, commit) that passed only when run again.

    By a further attempt, or by another run of the same workflow on the same commit.
    """
    runs: dict[tuple[str, str], list[WorkflowRun]] = {}
    for run in ended:
        runs.setdefault((run.workflow, run.head_sha), []).append(run)
    flaky = sum(
        any(map(_passed, group))
        and (any(map(_failed, group)) or any(_passed(r) and r.attempt > 1 for r in group))
        for group in runs.values()
    )
    return Reading(_PERCENT * flaky / len(runs), "", window, len(runs))


def _passed(run: WorkflowRun) -> bool:
    return run.conclusion in _PASSED


def _failed(run: WorkflowRun) -> bool:
    return run.conclusion in _FAILED
