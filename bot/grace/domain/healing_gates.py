"""What stands between a playbook and its run: who must agree, and what stops it."""

from grace.domain import approving, gates
from grace.domain import remedy_words as words
from grace.domain.asked import Agreement, PlaybookTry
from grace.domain.people import Actor
from grace.domain.playbooks.action import Risk
from grace.domain.playbooks.run import RunState, StepState
from grace.domain.rules import standing
from grace.domain.rules.calendar import Calendar
from grace.domain.rules.case import Case
from grace.domain.verdict import Condition, Result, all_of, leaf

PLAYBOOK = "playbook"
_STEP = {
    StepState.DONE: Result.PASS,
    StepState.NEEDLESS: Result.PASS,
    StepState.SKIPPED: Result.SKIPPED,
    StepState.FAILED: Result.FAIL,
    StepState.UNDONE: Result.SKIPPED,
    StepState.NEEDS_PERSON: Result.PENDING,
}


def valid(case: Case, given: Agreement) -> bool:
    """Tell whether an agreement counts: by somebody who may write and did not propose it."""
    permission = case.facts.permission(given.about)
    actor = Actor(login=given.login, id=given.actor_id)
    allowed = permission is not None and permission.may_write
    return allowed and not approving.proposes(case.mission, case.policy, actor)


def thing_of(each: PlaybookTry) -> str:
    """Say what exactly the step that waits would be done to."""
    steps = each.report.steps if each.report is not None else ()
    return next((s.about for s in reversed(steps) if s.step == each.waiting_for), "")


def agreed(case: Case, each: PlaybookTry, gate: str) -> tuple[str, ...]:
    """List who validly agreed to a gate of the playbook in play, and to that very thing."""
    thing = thing_of(each) if gate == each.waiting_for else ""
    found = (
        a
        for a in case.mission.agreements
        if (a.gate, a.run) == (gate, each.number) and a.thing == thing
    )
    return tuple(sorted({a.login for a in found if valid(case, a)}))


def needed(case: Case, each: PlaybookTry) -> int:
    """Count the people who must agree to the playbook by its gravest step."""
    rules = case.governance.healing
    count = rules.approvals.needed(each.risk)
    trusted = case.trust.value >= rules.min_trust
    return 0 if each.risk is Risk.MEDIUM and trusted else count


def agreement_gate(case: Case, each: PlaybookTry) -> Condition:
    """Judge whether enough people agreed; a step that needs a named person asks for itself."""
    gate = each.waiting_for
    if gate is not None:
        given = agreed(case, each, gate)
        if given:
            return leaf(f"step {gate}", Result.PASS, f"{given[0]} agreed")
        reason = f"step {gate} always needs a named person"
        return leaf(f"step {gate}", Result.PENDING, reason, f"/grace approve {gate}")
    count, given = needed(case, each), agreed(case, each, PLAYBOOK)
    if count == 0:
        why = "its risk asks for nobody"
        if case.governance.healing.approvals.needed(each.risk):
            why = f"its record stands in: {case.trust.sentence()}"
        return leaf("agreement", Result.SKIPPED, f"{each.playbook} is of {each.risk} risk; {why}")
    said = f"{len(given)} of {count} agreed to {each.playbook} ({each.risk} risk)"
    said += f": {', '.join(given)}" if given else ""
    if len(given) >= count:
        return leaf("agreement", Result.PASS, said)
    who = "somebody with write permission who did not file or start it, by /grace approve"
    return leaf("agreement", Result.PENDING, said, who)


def barriers(case: Case, each: PlaybookTry) -> tuple[Condition, ...]:
    """List what keeps a run from being laid out."""
    mission = case.mission
    found = [agreement_gate(case, each)]
    if mission.vetoes:
        who = min(mission.vetoes)
        found.append(leaf("veto", Result.FAIL, f"{who} objects: {mission.vetoes[who]}", who))
    if mission.held is not None:
        found.append(leaf("held", Result.FAIL, mission.held, "/grace resume"))
    if case.governance.shadow:
        reason = "shadow mode: everything is decided and shown, and nothing is run"
        found.append(leaf("shadow mode", Result.PENDING, reason, "an operator, who ends it"))
    return (*found, *freezes(case, each), *gates.kill_switches(case.facts))


def freezes(case: Case, each: PlaybookTry) -> tuple[Condition, ...]:
    """List the freezes of the floor that are on: they hold what may break more than little."""
    if each.risk.rank <= Risk.LOW.rank and each.waiting_for is None:
        return ()
    return tuple(standing.freeze(calendar, case) for calendar in frozen(case))


def frozen(case: Case) -> tuple[Calendar, ...]:
    """Find the freezes that are on now, of rules that hold for everything."""
    return tuple(
        wanted.freeze
        for rule in case.governance.rules
        if rule.when is None
        for wanted in rule.require.walk()
        if wanted.freeze is not None and wanted.freeze.holds(case.now)
    )


def healing_tree(case: Case, each: PlaybookTry) -> Condition:
    """Answer "why is this not healed?" while a playbook is in play."""
    steps = each.report.steps if each.report is not None else ()
    told = tuple(leaf(s.step, _STEP[s.state], s.sentence, "the runner") for s in steps)
    return all_of("heal", (*barriers(case, each), _run(each), *told))


def _run(each: PlaybookTry) -> Condition:
    name = f"{each.playbook} on {each.target}"
    match each.state:
        case None:
            return leaf("run", Result.PENDING, f"{name} is not begun", "Grace")
        case RunState.OFFERED:
            return leaf("run", Result.PENDING, f"{name} waits for its runner", "`grace runner`")
        case RunState.RUNNING:
            return leaf("run", Result.PENDING, f"{name} is being carried out", "the runner")
        case RunState.HEALED:
            return leaf("run", Result.PASS, words.try_reason(each))
        case RunState.NEEDS_PERSON:
            return leaf("run", Result.PENDING, words.try_reason(each), "a named person")
        case _:
            return leaf("run", Result.FAIL, words.try_reason(each), "a person")
