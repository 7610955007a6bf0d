"""Every word the bot says, in one place; `render` makes strangers' words harmless in it."""

from collections.abc import Sequence

from grace.domain import replies
from grace.domain.agreement import contract_lines, gate_lines
from grace.domain.alerting.words import alert_lines
from grace.domain.approving import approvals_asked
from grace.domain.mission import Attempt, Mission, Window
from grace.domain.phase import Outcome, Phase
from grace.domain.policy import Policy
from grace.domain.remedy_words import NOTHING_LEFT, remedy_lines
from grace.domain.render import code, inline, marker, one_line, tree, unlinked, why
from grace.domain.reverts import compared, under_way
from grace.domain.verdict import Condition

STARTED = (
    "Understood and started. The pull request that names this issue shows how it goes: its checks "
    "say what holds it back, and its comment is the record when it has ended."
)
NO_CANDIDATE = "there is no patch candidate: edit the issue, add one, and comment `/grace start`"
MAX_ERRORS = 100  # a forge's comment holds 64 KiB
COMMANDS = " · ".join(f"`/grace {written}`" for written in replies.COMMANDS)


def wants_patch(held: str | None) -> bool:
    """Tell whether a mission is held only because nobody had a patch for it."""
    return held is not None and held.startswith((NO_CANDIDATE, NOTHING_LEFT))


def issue_closed_by(login: str) -> str:
    return f"the issue was closed by {login}"


def cancelled_by(login: str) -> str:
    return f"cancelled by {login}"


HELD_BY = "held by "
PULL = "pull request #"
TAKEN_OVER = " to the work branch: approvals are void"


def held_by(login: str, reason: str = "") -> str:
    return f"{HELD_BY}{login}: {reason}" if reason else f"{HELD_BY}{login}"


def pull_closed(number: int) -> str:
    return f"{PULL}{number} was closed by"


def pull_closed_by(number: int, login: str) -> str:
    return f"{pull_closed(number)} {login}: reopen it, or `/grace cancel`"


def foreign_commits(login: str, sha: str) -> str:
    return (
        f"{login} pushed {sha[:10]}{TAKEN_OVER} and Grace stops; "
        "`/grace cancel` leaves the branch to you, `/grace resume` makes her patch again"
    )


def kept_by_a_person(held: str) -> bool:
    """Tell whether a person's deed is why a mission is held: it does not end by itself then."""
    return held.startswith((HELD_BY, PULL)) or TAKEN_OVER in held


def tree_differs(landed: str, tested: str | None) -> str:
    return f"the landed tree {landed[:10]} is not the tested tree {(tested or 'none')[:10]}"


def merge_refused(reason: str) -> str:
    return f"the forge did not merge: {reason}"


def effect_failed(effect: str, reason: str) -> str:
    return f"{effect.replace('_', ' ')} failed: {reason}"


TOO_MANY_EDITS = "the issue was edited too often: file a new one with the contract as it is now"


def unconfigured(what: str) -> str:
    return f"{what} is not in the bot's configuration any more: put it back, then `/grace resume`"


def rollback_by(login: str) -> str:
    return f"{login} asked for it"


def queue_dropped(reason: str) -> str:
    return f"the merge queue dropped the change: {reason}"


def queue_left(reason: str) -> str:
    return f"the change was taken out of the merge queue: {reason}"


def base_rewritten(landed: str) -> str:
    return (
        f"the base branch was rewritten and does not contain {landed[:10]} any more: what was "
        "merged is gone, and a person must look"
    )


def no_candidate_left(attempts: Sequence[Attempt], searched: str) -> str:
    return f"every patch failed; the last one: {attempts[-1].failure}; {searched}"


def window_passed(window: Window) -> str:
    return f"every target held through the observation window ({window.anchored_to})"


def window_inconclusive(reason: str, extensions: int) -> str:
    times = {0: "", 1: " twice"}.get(extensions, f" {extensions + 1} times")
    return f"the observation window was inconclusive{times}: {reason}"


def baseline_unread(reason: str) -> str:
    return f"what was measured before could not be read ({reason}); the target alone is judged"


def title_of(mission: Mission) -> str:
    return unlinked(one_line(mission.title, 80), " ") or mission.name


def commit_subject(mission: Mission) -> str:
    return f"Fix: {title_of(mission)}"


def commit_body(mission: Mission, attempt: Attempt) -> str:
    return f"Attempt {attempt.number} of {mission.name}: patch candidate {attempt.candidate}."


def pull_title(mission: Mission) -> str:
    return f"{mission.name}: {title_of(mission)}"


def merge_subject(mission: Mission) -> str:
    return f"Merge {mission.name}: {title_of(mission)}"


def merge_body(mission: Mission) -> str:
    """Say what lands, and what stands in where nobody approved it."""
    lands = f"Lands the tested tree of pull request #{mission.pull.number if mission.pull else 0}."
    order = mission.emergency
    match mission.basis:
        case "emergency" if order is not None:
            reason = unlinked(one_line(order.reason, 300), " ")
            return f"{lands}\nEmergency ordered by {one_line(order.login)}: {reason}"
        case "trust":
            return f"{lands}\nNobody approved it: the record of {one_line(mission.trusted_as)} did."
        case "solo":
            return f"{lands}\nNobody approved it: the maintainer is alone, and a wait stood in."
        case _:
            return lands


def revert_subject(mission: Mission) -> str:
    return f"Revert {mission.name}: {title_of(mission)}"


def revert_body(mission: Mission) -> str:
    reason = mission.revert.reason if mission.revert else ""
    landed = mission.landing.sha if mission.landing else ""
    return (
        f"It is rolled back because of {unlinked(one_line(reason, 300), ' ')}\n"
        f"This restores the tree as it was before {landed}."
    )


def revert_pull_body(mission: Mission) -> str:
    """Write the body of the revert's pull request."""
    reason = mission.revert.reason if mission.revert else ""
    landed = mission.landing.sha if mission.landing else ""
    return "\n".join(
        [
            marker(mission, "revert"),
            f"Refs #{mission.issue}",
            "",
            f"It is rolled back because of {inline(reason, 300)}",
            "",
            f"This restores the tree as it was before {landed}.",
        ]
    )


def revert_check(reason: str, blocked: str | None = None) -> str:
    words = f"This pull request undoes what was merged. Reason: {inline(reason, 300)}"
    return words if blocked is None else f"{words}\n\n{inline(blocked, 400)}"


def issue_headline(mission: Mission) -> str:
    match mission.phase:
        case Phase.INVALID:
            return "This contract does not parse yet. Edit the issue; Grace reads it again."
        case Phase.AWAITING_START:
            return "Understood. It waits for `/grace start` by somebody with write permission."
        case Phase.CLOSED if mission.effective is False:
            again = f"`{mission.recurred}`"
            return f"Ineffective: it was closed as fixed, and the problem came back in {again}."
        case Phase.CLOSED if mission.outcome is not Outcome.FIXED:
            return f"Mission closed: **{mission.outcome}** — {inline(mission.reason, 400)}"
        case _ if mission.held is not None:
            return f"Held: {inline(mission.held, 400)}"
        case _:
            return STARTED


def issue_comment(mission: Mission, policy: Policy) -> str:
    """Write the sticky comment of the issue.

    A mission that goes well leaves it as it was at the start: what changes meanwhile stands in the
    checks, and each edit costs one of the 500 writes that a forge allows an hour.
    """
    lines = [marker(mission, "issue"), f"## {mission.name}", issue_headline(mission), ""]
    if mission.errors:
        lines += ["### What is wrong with the contract", ""]
        shown = mission.errors[:MAX_ERRORS]
        lines += [f"- {code(e.field)}: {inline(e.problem, 400)}" for e in shown]
        if len(mission.errors) > MAX_ERRORS:
            lines.append(f"- and {len(mission.errors) - MAX_ERRORS} more")
        lines.append("")
    if mission.hidden:
        lines += ["### What the issue holds and its readers do not see", ""]
        lines += [*(f"- {words}" for words in mission.hidden), ""]
    lines += alert_lines(mission.alarm) if mission.alarm is not None else []
    lines += remedy_lines(mission)
    lines += contract_lines(mission, policy)
    lines += gate_lines(mission, policy)
    if mission.proposed is not None:
        lines += ["", "The issue was edited since: `/grace start` takes the new contract."]
    if mission.phase is Phase.CLOSED and mission.outcome is not Outcome.FIXED:
        lines += ["", *record_lines(mission)]
    lines += ["", f"Commands: {COMMANDS}"]
    return "\n".join(lines)


def record_lines(mission: Mission) -> list[str]:
    """List what happened, for the end."""
    lines = ["### Record"]
    for attempt in mission.attempts:
        words = inline(attempt.failure, 300) if attempt.failure else "passed every gate"
        head = f" (`{attempt.head[:10]}`)" if attempt.head else ""
        lines.append(f"- attempt {attempt.number}, `{attempt.candidate}`{head}: {words}")
    if mission.pull is not None:
        lines.append(f"- pull request #{mission.pull.number}")
    if mission.landing is not None:
        lines.append(f"- landed as {mission.landing.sha}, tree `{mission.landing.tree[:10]}`")
    if mission.window is not None and mission.window.verdict is not None:
        lines.append(f"- window: {mission.window.verdict} ({inline(mission.window.reason, 300)})")
    if mission.revert is not None:
        pull = f"#{mission.revert.pull.number}" if mission.revert.pull else "not opened"
        landed = mission.revert.landed.sha if mission.revert.landed else "not landed"
        lines.append(f"- revert: pull request {pull}, {landed}")
        if mission.revert.landed is not None and mission.revert.restored is not False:
            lines.append(f"- after the revert: {compared(mission.revert)}")
    if mission.capa is not None:
        lines.append(f"- CAPA: #{mission.capa}")
    return lines


def pull_body(mission: Mission, policy: Policy) -> str:
    """Write the body of the pull request."""
    needed = approvals_asked(mission, policy)
    return "\n".join(
        [
            marker(mission, "work"),
            f"Refs #{mission.issue}",
            "",
            *contract_lines(mission, policy),
            "",
            (
                f"The merge waits for CI, the metric targets and {needed} approval(s) by people "
                "with write permission who did not file the mission. What holds it back stands in "
                "the check `mission/governance`."
            ),
        ]
    )


def pull_comment(mission: Mission, condition: Condition) -> str:
    """Write the sticky comment of the pull request; the audit table follows it."""
    state = f"{mission.phase}" if mission.live else f"closed: {mission.outcome}"
    lines = [marker(mission, "pull"), f"## {mission.name} — {state}", ""]
    if mission.phase is Phase.GATING:
        lines += [f"Why it is not merged: {inline(why(condition), 500)}", ""]
    if mission.held is not None:
        lines += [f"Held: {inline(mission.held, 400)}", ""]
    if mission.phase in {Phase.CLOSED, Phase.REVERTING}:
        lines += [
            inline(mission.reason or under_way(mission.revert), 400),
            "",
        ]
    lines += ["### Verdict", tree(condition), "", *record_lines(mission), ""]
    return "\n".join(lines)


def window_title(window: Window) -> str:
    if window.verdict is not None:
        return f"window ended: {window.verdict}"
    if window.extensions > 1:
        return f"observing, extended {window.extensions} times"
    return "observing, extended once" if window.extended else "observing"


def window_summary(window: Window, minutes: float) -> str:
    """Say what the window is; its running text does not change when it is anchored."""
    if window.verdict is None or window.anchor is None or window.ends_at is None:
        words = f"The window is open for {minutes:g} minutes after this commit is released."
        return f"{words} {inline(window.reason, 300)}".strip()
    return (
        f"From {window.anchor:%Y-%m-%d %H:%M:%S} UTC ({window.anchored_to}) "
        f"to {window.ends_at:%Y-%m-%d %H:%M:%S} UTC. {inline(window.reason, 300)}"
    )


def capa_title(mission: Mission) -> str:
    deed = "regressed" if mission.landing is not None else "was not healed"
    return f"CAPA: {mission.name} {deed}: {title_of(mission)}"


def capa_body(mission: Mission, condition: Condition, why: str = "") -> str:
    """Write the corrective and preventive action ticket, with its evidence."""
    reason = mission.revert.reason if mission.revert else why or mission.reason
    deed = "regressed after its release" if mission.landing is not None else "was not healed"
    return "\n".join(
        [
            marker(mission, "capa"),
            f"Refs #{mission.issue}",
            "",
            "### What happened",
            f"{mission.name} {deed}: {inline(reason, 400)}",
            *([f"A person must act: {inline(b, 400)}"] if (b := _blocked(mission)) else []),
            "",
            "### Evidence",
            tree(condition),
            "",
            *record_lines(mission),
            "",
            "### Corrective action",
            "Find why CI did not see it, and fix the fault itself in a new mission.",
            "",
            "### Preventive action",
            "Name the test, stress scenario or guard metric that would have caught it.",
        ]
    )


def _blocked(mission: Mission) -> str | None:
    return mission.revert.blocked if mission.revert else None


def mission_title(mission: Mission) -> str:
    return title_of(mission)


def not_filed(wrong: Sequence[tuple[str, str]]) -> str:
    """Say why what was asked for by the API is no mission."""
    return "the contract is not valid: " + "; ".join(f"{name}: {what}" for name, what in wrong)
