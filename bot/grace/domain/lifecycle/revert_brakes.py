"""What keeps a machine from landing a revert: a switch, a cap, or a CI that cannot be believed."""

from datetime import timedelta

from grace.domain import gates, judging, reverts
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.landed import landing_of
from grace.domain.mission import Revert
from grace.domain.observed import CheckFact
from grace.domain.phase import Phase
from grace.domain.verdict import Condition, Result, leaf

INFRASTRUCTURE = frozenset({"timed_out", "startup_failure", "stale"})
DAY = timedelta(days=1)
LATELY = timedelta(hours=1)
EVERYBODY = 2  # other missions whose CI fails in the same job, and nobody's passes
NAME = "CI of the revert"


def people_land(draft: Draft) -> str | None:
    """Say why reverts are prepared and people land them, or None."""
    if draft.facts.kill_switch:
        return reverts.KILL_SWITCH
    return reverts.SHADOW if judging.in_shadow(draft.case()) else None


def brake(draft: Draft, revert: Revert) -> str | None:
    """Say why this revert must be landed by a person, or None."""
    limit = draft.policy.governance.rollback.max_per_day
    today = [at for at in draft.facts.landed_reverts if at > draft.now - DAY]
    before = [
        r
        for r in draft.facts.rivals
        if r.phase is Phase.REVERTING and r.urgency < draft.mission.urgency()
    ]
    if len(today) + len(before) >= limit:
        return reverts.revert_cap(limit)
    return _ci_unbelievable(draft, revert)


def _ci_unbelievable(draft: Draft, revert: Revert) -> str | None:
    """Say why CI tells nothing about this revert: it is broken, or red without this change too."""
    heads = (revert.head, revert.base, revert.before, landing_of(draft).sha)
    for head in heads:
        for check in draft.facts.checks.get(head or "", {}).values():
            if check.conclusion in INFRASTRUCTURE:
                return reverts.ci_broken(check.name)
    red = failed(judged_jobs(draft, revert.before))
    if red:
        return reverts.ci_red_before(red[0].name)
    return _red_elsewhere(draft, revert)


def _red_elsewhere(draft: Draft, revert: Revert) -> str | None:
    """Find a job that fails for other missions' patches too, and lately passed for none of them.

    Only patches on what stood before this change count: on those that contain it, it may be to
    blame.
    """
    since, apart = draft.now - LATELY, [r for r in draft.facts.rivals if r.base == revert.before]
    for job in job_names(draft):
        found = [
            (rival.name, check)
            for rival in apart
            for check in rival.ci
            if check.name == job and check.at > since
        ]
        red = [(name, c) for name, c in found if c.conclusion in gates.FAILED_CONCLUSIONS]
        began = min((c.at for _, c in red), default=draft.now)
        passed = [c for _, c in found if c.conclusion == "success" and c.at >= began]
        missions = tuple(dict.fromkeys(name for name, _ in red))
        if len(missions) >= EVERYBODY and not passed:
            return reverts.ci_red_elsewhere(job, missions)
    return None


def ci_of(draft: Draft, revert: Revert) -> Condition:
    """Judge whether CI lets the revert land: it passed, is red, is awaited, or is not asked.

    The tree before the merge was in production, and what CI says of it now is no news: a mission
    may have mended what was red there. So it waits for nobody, and is never late for a red job.
    """
    rules = draft.policy.governance.rollback
    if rules.wait_for_ci == "never":
        return leaf(NAME, Result.SKIPPED, "governance does not wait for it")
    earlier = revert.before_tree is not None and revert.tree == revert.before_tree
    if rules.wait_for_ci == "untested" and earlier:
        return leaf(NAME, Result.SKIPPED, "the tree is the one before the merge")
    jobs = judged_jobs(draft, revert.head)
    red = failed(jobs)
    if red:
        words = reverts.ci_failed(red[0].name, red[0].conclusion)
        return leaf(NAME, Result.FAIL, words, "a person")
    passed = {job.name for job in jobs if job.conclusion == "success"}
    running = any(job.conclusion is None for job in jobs)
    if passed.issuperset(job_names(draft)) and not running:
        return leaf(NAME, Result.PASS, "it passed")
    end = (revert.pushed_at or draft.now) + timedelta(minutes=rules.ci_minutes)
    if draft.now >= end:
        return leaf(NAME, Result.FAIL, reverts.ci_silent(rules.ci_minutes), "a person")
    draft.wake(end)
    return leaf(NAME, Result.PENDING, reverts.CI_AWAITED, "CI")


def job_names(draft: Draft) -> tuple[str, ...]:
    """List the jobs of CI that governance believes its suites by."""
    tests = draft.policy.governance.tests
    return tuple(job for suite in tests.suites for job in tests.jobs.get(suite, (suite,)))


def judged_jobs(draft: Draft, sha: str | None) -> tuple[CheckFact, ...]:
    """List the newest checks of these jobs on a commit."""
    names = set(job_names(draft))
    known = gates.newest_jobs(draft.facts, sha or "", draft.policy)
    return tuple(job for job in known if job.name in names)


def failed(jobs: tuple[CheckFact, ...]) -> tuple[CheckFact, ...]:
    """Return the jobs that ended badly."""
    return tuple(job for job in jobs if job.conclusion in gates.FAILED_CONCLUSIONS)
