"""A test that ran more than once on one commit: how it ended last, and how before."""

from collections.abc import Iterable, Sequence

from grace.domain.results import SuiteReport, TestCase, TestOutcome

MAX_EARLIER = 10
_FROM_BEST = (TestOutcome.PASSED, TestOutcome.SKIPPED, TestOutcome.FAILED)


def rank(outcome: TestOutcome) -> int:
    """Order outcomes from the best to the worst."""
    return _FROM_BEST.index(outcome)


def with_earlier(case: TestCase, earlier: Iterable[TestOutcome]) -> TestCase:
    """Put outcomes, oldest first, before those that a case has.

    Of more than ten each is kept once, so that what differed still differs.
    """
    whole = (*earlier, *case.earlier)
    if len(whole) > MAX_EARLIER:
        whole = tuple(dict.fromkeys(whole))
    return case.model_copy(update={"earlier": whole})


def settled(told: Sequence[TestCase], *, of_pytest: bool, ended_well: bool) -> TestCase:
    """Make one case of all that a file tells of one test, in its order.

    `of_pytest`: pytest tells twice of a test that fails and then cannot be taken down, but of one
    that passes only where a plugin runs it again, and then each empty case but the last failed.
    `ended_well`: the command ended with 0, so what passed after a failure is the same test again
    and not another one of its name. Otherwise the worst counts.
    """
    *before, last = told
    again = [TestOutcome.FAILED for each in before if of_pytest and _passed(each)]
    rest = [*(each for each in before if not (of_pytest and _passed(each))), last]
    counts = max(rest, key=lambda each: rank(each.outcome))
    if ended_well and _passed(last) and counts.outcome is TestOutcome.FAILED:
        again += [each.outcome for each in rest[:-1]]
        counts = _with_reason(last, counts)
    seconds = sum(each.duration_s for each in told)
    return with_earlier(counts.model_copy(update={"duration_s": seconds}), again)


def joined(runs: Sequence[SuiteReport]) -> SuiteReport:
    """Join the runs of one suite, oldest first: a test ended as it did when it ran last.

    What a later run leaves out or skips was not run again, and keeps the outcome that it had.
    """
    cases: dict[str, TestCase] = {}
    for run in runs:
        for case in run.cases:
            before = cases.get(case.name)
            cases[case.name] = case if before is None else _again(before, case)
    count = {o: sum(case.outcome is o for case in cases.values()) for o in TestOutcome}
    return SuiteReport(
        **runs[-1].model_dump(include={"suite", "job", "subject"}),
        passed=count[TestOutcome.PASSED],
        failed=count[TestOutcome.FAILED],
        skipped=count[TestOutcome.SKIPPED],
        duration_s=round(sum(run.duration_s for run in runs), 6),
        cases=tuple(cases.values()),
    )


def _again(before: TestCase, now: TestCase) -> TestCase:
    if now.outcome is TestOutcome.SKIPPED:
        return before
    told = _with_reason(now, before) if before.outcome is TestOutcome.FAILED else now
    return with_earlier(told, (*before.earlier, before.outcome))


def _passed(case: TestCase) -> bool:
    return case.outcome is TestOutcome.PASSED


def _with_reason(case: TestCase, failure: TestCase) -> TestCase:
    """Let a case that says nothing say how it failed, and where."""
    if case.message:
        return case
    update = {"message": failure.message, "file": failure.file, "line": failure.line}
    return case.model_copy(update=update)
