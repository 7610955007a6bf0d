"""Every word about how a revert goes and ends; each end has one sentence, the same everywhere."""

from collections.abc import Sequence

from grace.domain.mission import Revert
from grace.domain.ranges import listed

KILL_SWITCH = "the kill switch is on: the revert is prepared, and a person lands it"
SHADOW = "shadow mode is on: the revert is prepared, and a person lands it"
NOT_RESTORED = "the revert does not restore the tree as it was before; a person must look"


def overlap(paths: Sequence[str]) -> str:
    return f"later merges changed {listed(paths)} too: a person must decide how to revert"


def revert_cap(limit: int) -> str:
    return f"{limit} reverts have landed within a day, which is the cap: a person lands this one"


def ci_broken(job: str) -> str:
    return f"CI itself is broken (job {job}): a person lands the revert"


def ci_red_before(job: str) -> str:
    return f"CI failed before this change landed too (job {job}): a person lands the revert"


def ci_red_elsewhere(job: str, missions: Sequence[str]) -> str:
    return (
        f"CI fails for everybody (job {job}, also of {', '.join(missions)}): "
        "a person lands the revert"
    )


def ci_failed(job: str, conclusion: str | None) -> str:
    return f"CI job {job} of the revert ended with {conclusion}: a person decides whether it lands"


def ci_silent(minutes: float) -> str:
    return (
        f"the revert makes a tree that nobody tested, and CI did not pass it within {minutes:g} "
        "minutes: a person decides whether it lands"
    )


CI_AWAITED = "the revert makes a tree that nobody tested: its CI is awaited"


def revert_left_to_a_person(reason: str) -> str:
    return f"a revert is needed, and left to a person: {reason}"


def not_restored(paths: Sequence[str]) -> str:
    """Say that a landed revert left something as it was not before."""
    if not paths:
        return NOT_RESTORED
    return f"the revert is merged, but {listed(paths)} differ from before the merge: {_LOOK}"


_LOOK = "a person must look"


def not_deployed(environment: str, minutes: float) -> str:
    return (
        f"the revert is merged but was not deployed to {environment} within {minutes:g} min: "
        "a person must deploy it"
    )


def deployment_failed(environment: str, state: str) -> str:
    return f"the revert is merged but its deployment to {environment} ended with {state}: {_LOOK}"


def awaits_deployment(revert: Revert, environment: str) -> str:
    sha = revert.landed.sha[:10] if revert.landed is not None else ""
    return f"the revert is merged as {sha} and waits for its deployment to {environment}"


def same_tree(revert: Revert) -> bool:
    """Tell whether the whole tree after the revert is the one before the merge."""
    landed = revert.landed
    return landed is not None and landed.tree == revert.before_tree


def compared(revert: Revert) -> str:
    """Say how the tree after the revert compares with the one before the merge."""
    if same_tree(revert):
        return f"the tree is the one before the merge ({(revert.before_tree or '')[:10]})"
    return "every path that was merged is as before, and later merges changed only others"


def rolled_back(revert: Revert, environment: str | None) -> str:
    """Say that it is undone, by whom, and how far."""
    who = "somebody had undone it by hand already" if revert.by_hand else "it was rolled back"
    where = f", and it is deployed to {environment}" if environment is not None else ""
    return f"{revert.reason}; {who}: {compared(revert)}{where}"


def under_way(revert: Revert | None) -> str:
    """Say how far a revert is."""
    words = None if revert is None else revert.waits_for or revert.blocked
    return words or "a regression was seen; the revert is under way"
