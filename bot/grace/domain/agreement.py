"""The contract as Grace understood it, the plan, and the gates that it will pass, in words."""

from grace.domain.approving import approvals_asked
from grace.domain.mission import Mission
from grace.domain.package import AcceptanceCriteria
from grace.domain.policy import Policy
from grace.domain.render import code, inline


def contract_lines(mission: Mission, policy: Policy) -> list[str]:
    """List the contract as Grace understood it."""
    request = mission.request
    if request is None:
        return []
    criteria: AcceptanceCriteria = request.acceptance_criteria
    candidates = ", ".join(f"`{c.name}`" for c in request.workspace.patch_candidates) or "none"
    lines = [
        "### Contract",
        f"- subsystem `{request.subsystem_id}`, severity {request.severity.value}",
        *(f"- symptom: {inline(s.description, 200)}" for s in request.symptoms),
        *(f"- must pass: {code(t)}" for t in criteria.must_pass_tests),
        *(
            f"- target: `{t}` over {t.rolling_window_minutes:g} min"
            for t in criteria.metric_targets
        ),
        f"- observation window: {criteria.observation_window_minutes:g} min after the release",
        f"- patch candidates: {candidates}",
    ]
    if mission.contract_hash:
        lines.append(
            f"- frozen as `{mission.contract_hash[:23]}…` by {code(mission.started_by or '')}"
        )
    suites = ", ".join(policy.governance.tests.suites)
    lines += [
        "",
        "### Plan",
        (
            f"Branch `{mission.branch}` → pull request → {suites} and stress in CI → "
            "metric targets → approvals → merge of exactly the tested tree → observation window → "
            "resolve, or revert and CAPA."
        ),
    ]
    return lines


MAX_RULES = 20


def gate_lines(mission: Mission, policy: Policy) -> list[str]:
    """List the gates and what each demands, with the state they have before there is a head."""
    request = mission.request
    if request is None:
        return []
    rules, criteria = policy.governance, request.acceptance_criteria
    stress = rules.stress
    load = (
        f"{stress.min_requests} requests or more, at most {stress.max_error_rate:g} % failed, p95 "
        f"at most {stress.max_regression:.0%} above the base's"
    )
    roles = ", ".join(request.trust_requirements.allowed_roles)
    gates = {
        "tests": f"suites {', '.join(rules.tests.suites)}; {len(criteria.must_pass_tests)} named",
        "stress": load if stress.required else "not required",
        "metrics": f"{len(criteria.metric_targets)} targets on the stress run",
        "approvals": f"{approvals_asked(mission, policy)} by people who did not propose it",
        "floor": "; ".join(inline(rule.name) for rule in rules.rules[:MAX_RULES]) or "no rules",
        "repository": "the rules of `.github/mission-control.yml` at the base, if there is one",
        "roles": f"the agent is one of {roles}" if roles else "every role may",
    }
    listed = [f"- **wait** {name}: {demand}" for name, demand in gates.items()]
    where = "Where they stand now: the check `mission/governance` of the pull request, or "
    return ["", "### Gates", *listed, "", where + "`/grace why`."]
