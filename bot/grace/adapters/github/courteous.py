"""Commits that are no mission's, on which a required check of ours has to answer. Pure.

A check that a branch requires blocks everybody's pull requests and merge groups until it answers.
What is a mission's in truth is known to the store alone, which drops what is asked for here.
"""

from typing import Final

from grace.adapters.github.envelopes import (
    CheckRunDelivery,
    CheckSuiteDelivery,
    MergeGroupDelivery,
    PullDelivery,
)
from grace.adapters.github.ours import Ours, is_work, queued_pull
from grace.adapters.github.payloads import AppId, Tip
from grace.domain.mission import MissionRef
from grace.ports import Courtesy

CHECK: Final = "mission/governance"
_NEW_HEAD: Final = frozenset({"opened", "synchronize", "reopened"})


def pull(given: PullDelivery, ours: Ours) -> tuple[Courtesy, ...]:
    """Answer on the new head of a pull request that is not ours; a fork's never is."""
    if given.action not in _NEW_HEAD:
        return ()
    return about_pull(given.ref(ours.host), given.pull_request.number, given.pull_request.head)


def about_pull(ref: MissionRef, number: int, head: Tip) -> tuple[Courtesy, ...]:
    """Answer on the head of an open pull request, from a webhook or a reading."""
    home = head.repo is not None and head.repo.id == ref.repository_id
    if home and is_work(head.ref):
        return ()
    return (Courtesy(ref, head.sha, f"#{number} is not a mission", number),)


def merge_group(given: MergeGroupDelivery, ours: Ours) -> tuple[Courtesy, ...]:
    """Answer on a merge group; the number in its name tells whether it is a mission's.

    Its base may be a group with a mission in it, which has a commit and a check of its own.
    """
    group = given.merge_group
    number = queued_pull(group.head_ref)
    if given.action != "checks_requested" or number is None:
        return ()
    reason = f"the group of #{number} is not a mission"
    return (Courtesy(given.ref(ours.host), group.head_sha, reason, number),)


def check_run(given: CheckRunDelivery, ours: Ours) -> tuple[Courtesy, ...]:
    """Answer again where somebody asked for our check again."""
    run = given.check_run
    if run.name != CHECK:
        return ()
    return _again(given.ref(ours.host), given.action, run.app, run.head_sha, ours)


def check_suite(given: CheckSuiteDelivery, ours: Ours) -> tuple[Courtesy, ...]:
    """Answer again where somebody asked for all our checks of a commit again."""
    suite = given.check_suite
    return _again(given.ref(ours.host), given.action, suite.app, suite.head_sha, ours)


def _again(
    ref: MissionRef, action: str, app: AppId | None, sha: str, ours: Ours
) -> tuple[Courtesy, ...]:
    if action != "rerequested" or not ours.is_app(app):
        return ()
    return (Courtesy(ref, sha, "not a mission", 0, again=True),)
