"""Remember verdicts: each new one with the hash of its evidence and of the policy in force."""

import hashlib

import rfc8785

from grace.domain.evidence import Evidence, digest_of
from grace.domain.inspection import Inspection
from grace.domain.lifecycle.draft import Draft
from grace.domain.phase import FORWARD
from grace.domain.results import CIReport
from grace.domain.rules.case import Case
from grace.domain.verdict import Condition, Verdict


def record_verdict(draft: Draft, tree: Condition) -> Verdict:
    """Bind the tree to the facts and the policy it was made from; remember a new one."""
    evidence = draft.evidence()
    verdict = Verdict(
        root=tree,
        facts_hash=evidence.digest(),
        policy_hash=policy_hash(draft.case()),
        at=draft.now,
    )
    digest = verdict.digest()
    if draft.mission.phase in FORWARD and digest != draft.mission.verdict_digest:
        keep_parts(draft, evidence)
        draft.set(verdict_digest=digest)
        draft.note(
            "verdict",
            result=tree.result.value,
            tree=tree.model_dump(mode="json", exclude_defaults=True),
            facts_hash=verdict.facts_hash,
            policy_hash=verdict.policy_hash,
            floor=draft.policy.digest(),
            evaluator=verdict.evaluator,
            evidence=evidence.record(),
        )
    return verdict


def policy_hash(case: Case) -> str:
    """Hash the policy in force: the floor, and what the repository adds to it at the base."""
    floor = case.policy.digest()
    own = case.inspection.rules if case.inspection is not None else None
    if own is None or own.policy is None:
        return floor
    canonical = rfc8785.dumps([floor, own.policy.model_dump(mode="json", by_alias=True)])
    return "sha256:" + hashlib.sha256(canonical).hexdigest()


def keep_parts(draft: Draft, evidence: Evidence) -> None:
    """Put into the ledger, once, what a verdict's evidence names by its hash."""
    parts: list[CIReport | Inspection] = [
        *evidence.facts.reports.values(),
        *evidence.facts.inspections.values(),
    ]
    for part in parts:
        digest = digest_of(part)
        if digest not in draft.mission.kept:
            draft.set(kept=(*draft.mission.kept, digest))
            body = part.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            draft.note("evidence", digest=digest, body=body)
