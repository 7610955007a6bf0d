"""What people see at the forge, as it should be now; only a difference is published.

Edits are few on purpose: a forge allows 500 content writes an hour, and a mission that goes well
on its first patch makes two comments, edits each once, and two check runs.
"""

from hashlib import sha256
from typing import Literal

from grace.domain import messages
from grace.domain.effects import PublishCheck, PublishComment, SetLabels
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.forward import criteria_of
from grace.domain.lifecycle.landed import observation_tree
from grace.domain.phase import Phase
from grace.domain.render import inline
from grace.domain.render import tree as tree_text
from grace.domain.verdict import Condition

Conclusion = Literal["success", "failure", "neutral", "action_required"]

INVALID_LABEL = "mission/invalid"


def publish(draft: Draft, tree: Condition) -> None:
    """Ask for every surface that should say something else than it does."""
    labels(draft)
    issue_comment(draft)
    governance_check(draft, tree)
    observation_check(draft)
    pull_comment(draft, tree)


def changed(draft: Draft, surface: str, text: str) -> str | None:
    """Return the new digest when a surface should be published, None when it says this."""
    digest = sha256(text.encode()).hexdigest()
    if draft.mission.published.get(surface) == digest:
        return None
    draft.set(published={**draft.mission.published, surface: digest})
    return digest


def labels(draft: Draft) -> None:
    """Keep the label `mission/invalid` true."""
    mission = draft.mission
    if mission.issue is None:
        return
    wanted = "yes" if mission.phase is Phase.INVALID else "no"
    known = mission.published.get("label")
    if known == wanted or (known is None and wanted == "no"):
        return
    draft.set(published={**mission.published, "label": wanted})
    add, remove = ((INVALID_LABEL,), ()) if wanted == "yes" else ((), (INVALID_LABEL,))
    draft.ask(
        SetLabels(
            key=draft.next_key("label"), number=mission.issue, add=add, remove=remove, slot="label"
        )
    )


def issue_comment(draft: Draft) -> None:
    """Publish the sticky comment of the issue once there is something to say."""
    mission = draft.mission
    filed = draft.facts.permission(f"filed:{mission.body_digest[:16]}")
    undecided = mission.phase is Phase.AWAITING_START and filed is None and mission.alert is None
    if mission.issue is None or mission.phase is Phase.FILED or undecided:
        return
    body = messages.issue_comment(mission, draft.policy)
    comment(draft, "issue", mission.issue, body, audit=mission.phase is Phase.CLOSED)


def pull_comment(draft: Draft, tree: Condition) -> None:
    """Publish the sticky comment of the pull request when a verdict is worth reading."""
    mission = draft.mission
    if mission.pull is None:
        return
    settled = mission.phase in {Phase.GATING, Phase.REVERTING, Phase.CLOSED}
    lost = mission.phase in {Phase.PATCHING, Phase.TESTING} and any(
        a.failure for a in mission.attempts
    )
    if settled or mission.held is not None or lost:
        body = messages.pull_comment(mission, tree)
        comment(draft, "pull", mission.pull.number, body, audit=True)


def comment(
    draft: Draft, surface: Literal["issue", "pull"], number: int, body: str, *, audit: bool
) -> None:
    """Ask for a comment; the interpreter edits the one that is there."""
    digest = changed(draft, surface, body)
    if digest is not None:
        draft.ask(
            PublishComment(
                key=draft.next_key(surface),
                slot=surface,
                surface=surface,
                number=number,
                id=None,
                body=body,
                digest=digest,
                audit=audit,
            )
        )


def governance_check(draft: Draft, tree: Condition) -> None:
    """Publish `mission/governance` on the newest head, once CI has spoken or a merge is wanted."""
    mission = draft.mission
    revert = mission.revert
    if mission.phase is Phase.REVERTING and revert is not None and revert.pull is not None:
        words = messages.revert_check(revert.reason)
        success: Conclusion = "success" if revert.blocked is None else "action_required"
        check(draft, "governance", revert.head, (success, "revert of a regression", words))
        return
    attempt = next((a for a in reversed(mission.attempts) if a.head is not None), None)
    if attempt is None or mission.pull is None or mission.landing is not None:
        return
    if attempt.failure is not None:
        title = f"attempt {attempt.number} failed"
        check(
            draft,
            "governance",
            attempt.head,
            ("failure", title, inline(attempt.failure, 2000)),
        )
    elif mission.phase is Phase.CLOSED:
        title = f"mission {mission.outcome}"
        check(
            draft,
            "governance",
            attempt.head,
            ("failure", title, inline(mission.reason, 2000)),
        )
    elif draft.passed is not None:
        words = tree_text(draft.passed)
        check(draft, "governance", attempt.head, ("success", "every gate passes", words))
    elif mission.phase is Phase.GATING:
        check(draft, "governance", attempt.head, (None, tree.reason, tree_text(tree)))


def observation_check(draft: Draft) -> None:
    """Publish `mission/observation` on the merge commit: running, extended, ended."""
    mission = draft.mission
    window = mission.window
    if mission.landing is None or window is None:
        return
    conclusion: Conclusion | None = None
    if window.verdict is not None:
        ends: dict[str, Conclusion] = {"pass": "success", "regress": "failure"}
        conclusion = ends.get(window.verdict, "neutral")
    title = messages.window_title(window)
    minutes = criteria_of(draft).observation_window_minutes
    summary = messages.window_summary(window, minutes)
    if window.verdict is not None:
        summary += "\n\n" + tree_text(observation_tree(draft))
    check(draft, "observation", mission.landing.sha, (conclusion, title, summary))


def check(
    draft: Draft, name: str, sha: str | None, words: tuple[Conclusion | None, str, str]
) -> None:
    """Ask for a check run; `words` are conclusion, title and summary."""
    if sha is None:
        return
    conclusion, title, summary = words
    surface = f"{name}:{sha}"
    digest = changed(draft, surface, f"{conclusion}\n{title}\n{summary}")
    if digest is not None:
        draft.ask(
            PublishCheck(
                key=draft.next_key(name),
                slot=surface,
                surface=surface,
                name=f"mission/{name}",
                sha=sha,
                id=None,
                conclusion=conclusion,
                title=title[:200],
                summary=summary,
                digest=digest,
            )
        )
