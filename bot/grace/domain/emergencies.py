"""Every word about emergencies, their reviews, and reverts that wait for people."""

from grace.domain.messages import title_of
from grace.domain.mission import Mission, Review
from grace.domain.people import Permission
from grace.domain.render import code, inline, marker

EMERGENCY_WITHOUT_REASON = "An emergency needs its reason: `/grace emergency REASON`."
EMERGENCY_OFF = "Governance has no emergency lane here."


def emergency_not_critical(mission: Mission) -> str:
    return (
        f"The emergency lane is for critical missions, and this one is {mission.severity.value}. "
        "Edit the severity, and start it again."
    )


def emergency_needs(login: str, has: Permission, needed: Permission) -> str:
    return (
        f"An emergency is ordered by somebody with {needed.value} permission; {code(login)} has "
        f"{has.value}."
    )


def emergency_ordered(head: str) -> str:
    return (
        f"Understood: {head[:10]} merges on your word as soon as CI and the patch itself pass. It "
        "is recorded under your name, and Grace files a review that somebody else closes."
    )


def review_title(mission: Mission) -> str:
    return f"Review after an emergency: {mission.name}: {title_of(mission)}"


def review_body(mission: Mission) -> str:
    """Write the issue that asks for the review of a merge that nobody approved."""
    order = mission.emergency
    who, why_ = (code(order.login), order.reason) if order is not None else ("nobody", "")
    landed = mission.landing.sha if mission.landing else "not landed"
    pull = mission.pull.number if mission.pull else 0
    return "\n".join(
        [
            marker(mission, "review"),
            f"Refs #{mission.issue}",
            "",
            f"{who} ordered the merge of pull request #{pull} as an emergency, and it landed as",
            f"{landed} without the approvals that it would have needed.",
            "",
            f"The reason given: {inline(why_, 400)}",
            "",
            "### What to do",
            "Read the change and the reason as if it were not merged yet. Close this issue when",
            "you have: it takes write permission, and somebody else than who gave the order. Grace",
            "reminds of it until then.",
        ]
    )


def review_by_another(login: str) -> str:
    return f"{code(login)} gave the order: somebody else with write permission ends its review."


def review_reminder(mission: Mission, review: Review) -> str:
    return (
        f"Reminder {review.reminders + 1}: {mission.name} was merged as an emergency and nobody "
        "has reviewed it yet. Close this issue when you have."
    )


def review_comment(mission: Mission, surface: str, words: str) -> str:
    return f"{marker(mission, surface)}\n{words}"


def revert_needs_approval(number: int) -> str:
    return f"pull request #{number} reverts it and waits for one approval by somebody who may write"


def revert_wanted(mission: Mission, reason: str) -> str:
    """Ask people to look at a revert that a machine does not land by itself."""
    revert = mission.revert
    number = revert.pull.number if revert is not None and revert.pull is not None else 0
    return (
        f"{marker(mission, 'revert-wanted')}\n{mission.name} regressed: "
        f"{inline(reason.rstrip('.'), 400)}. Please look at pull request #{number}."
    )
