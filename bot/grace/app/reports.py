"""A report that CI left as an artifact counts only for the run that the forge says left it."""

import structlog
from pydantic import ValidationError

from grace.domain.policy import Policy
from grace.domain.results import CIReport
from grace.ports import ReportFound


def bound(found: ReportFound, policy: Policy) -> CIReport | None:
    """Read a report; None where it is not one, or not about its own run, head and repository.

    The repository's name is the one that the forge has for it now: it may have been renamed.
    """
    log = structlog.get_logger("reports")
    try:
        report = CIReport.model_validate_json(found.body)
    except ValidationError as error:
        log.warning("unreadable report", run=found.run_id, errors=error.error_count())
        return None
    says = (report.run_id, report.run_attempt, report.workflow, report.head_sha)
    true = (found.run_id, found.run_attempt, found.workflow, found.head_sha)
    named = report.repository.lower() == found.repository.lower()
    if says != true or not named or report.workflow not in policy.governance.tests.workflows:
        log.warning("report of another run", run=found.run_id, says=says, is_of=true)
        return None
    return report
