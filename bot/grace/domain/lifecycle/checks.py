"""The checks that Grace publishes, governance, metrics and observation, as they should be now."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from grace.domain import gates, judging, messages
from grace.domain.effects import Annotation, Button, PublishCheck
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.given import criteria_of
from grace.domain.lifecycle.landed import live_targets, observation_tree
from grace.domain.mission import Attempt, Revert
from grace.domain.phase import Phase
from grace.domain.render import inline, one_line
from grace.domain.render import tree as tree_text
from grace.domain.results import CIReport, TestOutcome
from grace.domain.verdict import Condition, Result

Conclusion = Literal["success", "failure", "neutral", "action_required"]
MAX_ANNOTATIONS = 50  # what GitHub takes in one request


@dataclass(frozen=True, slots=True)
class Saying:
    """What a check says; `gist` is what counts as a change of it, all of it if not given."""

    conclusion: Conclusion | None
    title: str
    summary: str
    buttons: tuple[Button, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    gist: str = ""


def governance_check(draft: Draft, tree: Condition) -> None:
    """Publish `mission/governance` on the newest head, once CI has spoken or a merge is wanted."""
    mission, revert = draft.mission, draft.mission.revert
    if mission.phase is Phase.REVERTING and revert is not None and revert.pull is not None:
        check(draft, "governance", revert.head, revert_saying(revert))
        return
    attempt = newest(draft)
    if attempt is None or mission.pull is None or mission.landing is not None:
        return
    if attempt.failure is not None:
        check(draft, "governance", attempt.head, failed(draft, attempt, attempt.failure))
    elif mission.phase is Phase.CLOSED:
        said = Saying("failure", f"mission {mission.outcome}", inline(mission.reason, 2000))
        check(draft, "governance", attempt.head, said)
    elif draft.passed is not None:
        check(draft, "governance", attempt.head, passed(draft.passed))
    elif mission.phase is Phase.MERGING:
        standing = judging.standing_tree(draft.case())
        said = passed(standing) if standing.passes else waiting(standing)
        check(draft, "governance", attempt.head, said)
    elif mission.phase is Phase.GATING:
        check(draft, "governance", attempt.head, waiting(tree))


def passed(tree: Condition) -> Saying:
    """Let a head merge; that it passes for more reasons is no reason to say it again."""
    return Saying("success", "every gate passes", tree_text(tree), gist="passed")


def waiting(tree: Condition) -> Saying:
    """Say what a head waits for; a green check that no longer holds goes back to this."""
    return Saying(None, tree.reason, tree_text(tree), ("approve", "retry"))


def newest(draft: Draft) -> Attempt | None:
    """Return the newest attempt that has a head."""
    return next((a for a in reversed(draft.mission.attempts) if a.head is not None), None)


def revert_saying(revert: Revert) -> Saying:
    """Let a revert merge, by whomever; one that is not what it should be takes an admin.

    The check must not keep a person from landing what a machine may not land by itself.
    """
    conclusion: Conclusion = "success" if revert.blocked is None else "neutral"
    if not revert.restores or revert.overlapping:
        conclusion = "action_required"
    summary = messages.revert_check(revert.reason, revert.blocked)
    return Saying(conclusion, "revert of a regression", summary)


def failed(draft: Draft, attempt: Attempt, failure: str) -> Saying:
    """Say why an attempt failed, with CI's tree and remarks on the lines that are known.

    What CI still adds afterwards is no reason to say it again.
    """
    title = f"attempt {attempt.number} failed"
    summary, report = inline(failure, 2000), draft.facts.report(attempt.head or "")
    notes: tuple[Annotation, ...] = ()
    if report is not None:
        parts = gates.ci_gates(attempt, draft.facts, criteria_of(draft), draft.policy)
        summary += "\n\n" + "\n".join(tree_text(part) for part in parts)
        notes = tuple(annotations(report))[:MAX_ANNOTATIONS]
    return Saying("failure", title, summary, ("retry",), notes, gist=failure)


def annotations(report: CIReport) -> Iterator[Annotation]:
    """Point at the lines where tests failed and where scans found something new."""
    for suite in report.suites:
        if suite.subject == "base":
            continue  # what fails there is meant to
        for case in suite.cases:
            if case.outcome is TestOutcome.FAILED and case.file and case.line:
                yield Annotation(
                    path=case.file,
                    line=case.line,
                    title=one_line(case.name, 200),
                    message=one_line(case.message, 500) or "failed",
                )
    for scan in report.scans:
        for finding in scan.findings:
            if finding.new and finding.file and finding.line:
                yield Annotation(
                    path=finding.file,
                    line=finding.line,
                    title=one_line(f"{finding.tool}: {finding.rule}", 200),
                    message=one_line(finding.message, 500) or "found",
                    level="warning",
                )


def group_check(draft: Draft) -> None:
    """Publish `mission/governance` on a merge group's commit, so that requiring it is truthful."""
    mission, group = draft.mission, draft.mission.group
    if group is None or (mission.landing is not None and mission.revert is None):
        return
    if mission.revert is not None:
        if mission.revert.pull is not None and mission.revert.pull.number == group.pull:
            check(draft, "governance", group.head, revert_saying(mission.revert))
        return
    tree = judging.group_tree(draft.case(), group)
    conclusion: Conclusion | None = None
    if tree.result is not Result.PENDING:
        conclusion = "success" if tree.passes else "failure"
    check(draft, "governance", group.head, Saying(conclusion, tree.reason, tree_text(tree)))


def metrics_check(draft: Draft) -> None:
    """Publish `mission/metrics` on the newest head when its stress run is known."""
    mission, attempt = draft.mission, newest(draft)
    if attempt is None or mission.pull is None or mission.landing is not None:
        return
    if draft.facts.report(attempt.head or "") is None:
        return
    tree = gates.metrics_gate(attempt, draft.facts, criteria_of(draft), draft.policy)
    conclusion: Conclusion = "success" if tree.result is Result.PASS else "neutral"
    buttons: tuple[Button, ...] = ()
    if not tree.passes:
        conclusion, buttons = "failure", ("retry",)
    check(draft, "metrics", attempt.head, Saying(conclusion, tree.reason, tree_text(tree), buttons))


def observation_check(draft: Draft) -> None:
    """Publish `mission/observation` on the merge commit: running, extended, ended."""
    mission = draft.mission
    window = mission.window
    if mission.landing is None or window is None:
        return
    conclusion: Conclusion | None = None
    title = messages.window_title(window)
    minutes = criteria_of(draft).observation_window_minutes + window.added_minutes
    summary = messages.window_summary(window, minutes)
    buttons: tuple[Button, ...] = ("rollback",)
    if window.verdict is None:
        listed = (f"- **wait** {inline(str(target))}" for target in live_targets(draft))
        summary += "\n\n" + "\n".join(listed)
    else:
        ends: dict[str, Conclusion] = {"pass": "success", "regress": "failure"}
        conclusion, buttons = ends.get(window.verdict, "neutral"), ()
        summary += "\n\n" + tree_text(observation_tree(draft))
    if mission.phase is Phase.CLOSED and mission.revert is not None:
        conclusion, title, buttons = "failure", f"{mission.outcome}".replace("_", " "), ()
        summary = f"{inline(mission.reason, 600)}\n\n{summary}"
    said = Saying(conclusion, title, summary, buttons)
    check(draft, "observation", mission.landing.sha, said)


def check(draft: Draft, name: str, sha: str | None, said: Saying) -> None:
    """Ask for a check run where it should say something else than it does."""
    if sha is None:
        return
    surface = f"{name}:{sha}"
    gist = said.gist or said.summary
    digest = draft.changed(surface, f"{said.conclusion}\n{said.title}\n{gist}")
    if digest is not None:
        draft.ask(
            PublishCheck(
                key=draft.next_key(name),
                slot=surface,
                surface=surface,
                name=f"mission/{name}",
                sha=sha,
                id=None,
                conclusion=said.conclusion,
                title=one_line(said.title, 200),
                summary=said.summary,
                digest=digest,
                buttons=said.buttons,
                annotations=said.annotations,
            )
        )
