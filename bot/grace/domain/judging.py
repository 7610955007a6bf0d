"""The one tree that answers "why is this not merged?", from a case alone, in every phase."""

from collections.abc import Iterator
from dataclasses import replace

from grace.domain import approving, gates, healing_gates, messages
from grace.domain.mission import Group
from grace.domain.phase import Phase
from grace.domain.rules.case import Case
from grace.domain.rules.controls import controls_of
from grace.domain.rules.evaluate import policy_gates
from grace.domain.verdict import Condition, Result, all_of, evidence_of, leaf


def ci_gates(case: Case) -> tuple[Condition, ...]:
    """Judge what CI alone can answer, of an attempt or of the merge group that it became."""
    found = gates.ci_gates(case.attempt, case.facts, case.criteria, case.policy)
    return tuple(evidence_of(each, controls_of(each.name)) for each in found)


def people_gates(case: Case) -> tuple[Condition, ...]:
    """Judge who approves, and who wrote the patch."""
    approvals = approving.approvals_gate(case)
    roles = approving.roles_gate(case.mission, case.attempt, case.policy)
    return tuple(evidence_of(each, controls_of(each.name)) for each in (approvals, roles))


def merge_tree(case: Case) -> Condition:
    """Judge everything that stands between a head and its merge."""
    ready = gates.readiness_gate(case.mission, case.attempt, case.facts)
    more = (*_shadow(case), *_muted(case))
    if more:
        ready = all_of(ready.name, (*ready.children, *more))
    ready = evidence_of(ready, controls_of(ready.name))
    return all_of("merge", (*ci_gates(case), *people_gates(case), *policy_gates(case), ready))


def standing_tree(case: Case) -> Condition:
    """Judge whether a merge that was asked for, or a place in the merge queue, is still wanted."""
    return all_of(
        "merge", (*ci_gates(case), *people_gates(case), *policy_gates(case), *stops(case))
    )


def group_tree(case: Case, group: Group) -> Condition:
    """Judge what a merge queue is about to land: CI on its commit, and whether we still want it."""
    mission, name = case.mission, "merge group"
    if not mission.live:
        reason = f"the mission ended: {mission.reason}"
        return all_of(name, (leaf("mission", Result.FAIL, reason, "nobody"),))
    if mission.attempt is None or mission.attempt.head is None:
        reason = "no patch stands: the one in this group is not judged any more"
        return all_of(name, (leaf("patch", Result.FAIL, reason, "Grace"),))
    if group.tree is None:
        return all_of(name, (leaf("tree", Result.PENDING, "is being read", "Grace"),))
    there = at_base_of(case, group)
    if there is None:
        reason = "the repository's policy at the base of this group is being read"
        return all_of(name, (leaf("policy", Result.PENDING, reason, "Grace"),))
    own = of_group(case, group)
    # The patch is what people judged; CI and the base have something new to say of the group.
    return all_of(name, (*ci_gates(own), *people_gates(there), *policy_gates(there), *stops(there)))


def at_base_of(case: Case, group: Group) -> Case | None:
    """Put the rules at a merge group's base in the place of older ones; None: not read yet."""
    if group.base == case.attempt.base:
        return case
    read, patch = case.facts.inspections.get(group.head), case.inspection
    if read is None or patch is None:
        return None
    newer = {"rules": read.rules, "waivers": read.waivers, "waiver_problems": read.waiver_problems}
    known = {**case.facts.inspections, case.patch_head: patch.model_copy(update=newer)}
    return replace(case, facts=case.facts.model_copy(update={"inspections": known}))


def of_group(case: Case, group: Group) -> Case:
    """Put a merge group's own commit, base and tree in the place of the attempt's."""
    stands = {"head": group.head, "base": group.base, "tree": group.tree}
    return replace(case, landing=case.attempt.model_copy(update=stands))


def queue_tree(case: Case) -> Condition:
    """Explain a change that stands in the merge queue."""
    mission, name = case.mission, "merge queue"
    wanted = standing_tree(case)
    if not wanted.passes:
        return wanted
    if mission.leaving is not None:
        return all_of("merge", (leaf(name, Result.PENDING, "is being left", "the forge"),))
    if mission.group is not None:
        return group_tree(case, mission.group)
    reason = "every gate passes; the change stands in the merge queue"
    return all_of("merge", (leaf(name, Result.PENDING, reason, "the forge"),))


def stops(case: Case) -> tuple[Condition, ...]:
    """List what stops a merge whatever the gates say."""
    mission = case.mission
    found: list[Condition] = []
    if mission.held is not None:
        found.append(leaf("held", Result.FAIL, mission.held, "/grace resume"))
    if mission.ending is not None:
        found.append(leaf("cancel", Result.FAIL, mission.ending, "nobody"))
    return (*found, *gates.kill_switches(case.facts), *_shadow(case))


def in_shadow(case: Case) -> bool:
    """Tell whether everything is decided and shown here, and nothing merged."""
    policy = case.inspection.rules.policy if case.inspection is not None else None
    return case.governance.shadow or (policy is not None and policy.shadow)


def _shadow(case: Case) -> Iterator[Condition]:
    if in_shadow(case):
        reason = "everything is decided and shown, and nothing is merged"
        yield leaf("shadow mode", Result.PENDING, reason, "an operator, who ends it")


def _muted(case: Case) -> Iterator[Condition]:
    if case.mission.muted is not None:
        reason = f"{case.mission.muted} asked for no comments; the checks tell"
        yield leaf("mute", Result.SKIPPED, reason)


def unconfigured(case: Case) -> str | None:
    """Say what of a started mission is not in the configuration any more, or None."""
    mission, policy = case.mission, case.policy
    if mission.request is None or not mission.live or mission.contract_hash is None:
        return None
    if mission.request.subsystem_id not in policy.subsystems.subsystems:
        return messages.unconfigured(f"subsystem {mission.request.subsystem_id}")
    for target in mission.request.acceptance_criteria.metric_targets:
        if target.metric_id not in policy.catalog.metrics:
            return messages.unconfigured(f"metric {target.metric_id}")
    return None


def explained(case: Case) -> Condition:
    """Answer for a mission that has not landed."""
    mission, missing = case.mission, unconfigured(case)
    if missing is not None:
        gone = leaf("configuration", Result.FAIL, missing, "an operator")
        return all_of("configuration", (gone,))
    if mission.phase in {Phase.TESTING, Phase.GATING} and mission.attempt is not None:
        return merge_tree(case)
    match mission.phase:
        case Phase.INVALID:
            errors = tuple(
                leaf(e.field, Result.FAIL, e.problem, "the mission's author")
                for e in mission.errors
            )
            return all_of("contract", errors)
        case Phase.FILED | Phase.AWAITING_START:
            reason = "waits for `/grace start`"
            who = "somebody with write permission"
            return all_of("start", (leaf("start", Result.PENDING, reason, who),))
        case Phase.CLOSED:
            return all_of("outcome", (leaf(str(mission.outcome), Result.SKIPPED, mission.reason),))
        case Phase.EXECUTING if mission.trying is not None:
            return healing_gates.healing_tree(case, mission.trying)
        case Phase.MERGING:
            if mission.queued:
                return queue_tree(case)
            reason = "every gate passes; the merge is requested"
            return all_of("merge", (leaf("merge", Result.PENDING, reason, "the forge"),))
        case _:
            reason = mission.held or mission.forge_says or f"{mission.phase} is under way"
            result = Result.FAIL if mission.held else Result.PENDING
            who = "/grace resume" if mission.held else "Grace"
            return all_of("merge", (leaf(str(mission.phase), result, reason, who),))
