"""Commits that are no mission's, on which a required check of ours has to answer. Pure.

A check that a branch requires blocks everybody's pull requests and merge groups until it answers.
"""

import re
from typing import Final

from grace.adapters.github.envelopes import MergeGroupDelivery, PullDelivery
from grace.adapters.github.ours import Courtesy, Ours, is_fork, is_work, queued_pull

_NEW_HEAD: Final = frozenset({"opened", "synchronize", "reopened"})
# A queue's commit names the branch that it merges, or carries the trailers of the pull request.
_MISSION: Final = re.compile(
    r"^(?:Mission|Mission-Signature)[ \t]*:|^Merge pull request #[0-9]+ from [^/\s]+/grace/",
    re.MULTILINE | re.IGNORECASE,
)


def pull(given: PullDelivery, ours: Ours) -> tuple[Courtesy, ...]:
    """Answer on the new head of a pull request that is not ours; a fork's never is."""
    request = given.pull_request
    ours_here = is_work(request.head.ref) and not is_fork(request.head, given.repository)
    if given.action not in _NEW_HEAD or ours_here:
        return ()
    reason = f"#{request.number} is not a mission"
    return (Courtesy(given.ref(ours.host), request.head.sha, reason, request.number),)


def merge_group(given: MergeGroupDelivery, ours: Ours) -> tuple[Courtesy, ...]:
    """Answer on a merge group whose commit merges no pull request of ours.

    Its base may be a group with a mission in it, which has a commit and a check of its own.
    """
    group = given.merge_group
    number = queued_pull(group.head_ref)
    message = group.head_commit.message if group.head_commit else ""
    if given.action != "checks_requested" or number is None or _MISSION.search(message):
        return ()
    reason = f"the group of #{number} is not a mission"
    return (Courtesy(given.ref(ours.host), group.head_sha, reason, number, group.base_sha),)
