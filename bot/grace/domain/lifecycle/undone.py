"""After a revert: compare the tree, await the deployment, file the CAPA, end with a sentence."""

from datetime import timedelta

from grace.domain import judging, messages, reverts
from grace.domain.effects import ClosePull, FileIssue
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.given import request_of
from grace.domain.lifecycle.landed import (
    DEPLOYED,
    DEPLOYMENT_FAILED,
    judged,
    release,
)
from grace.domain.lifecycle.revert_outcomes import change, revert_of
from grace.domain.mission import Landing, Revert
from grace.domain.phase import Outcome
from grace.domain.verdict import Condition, Result, leaf


def finish_revert(draft: Draft, revert: Revert, landed: Landing) -> None:
    """Verify the tree, await the deployment, file the CAPA, and escalate."""
    if revert.by_hand and revert.pull is not None:
        draft.ask(ClosePull(key="close-revert", number=revert.pull.number))
    if not revert.restores or revert.restored is False:
        end_badly(draft, reverts.not_restored(revert.differing))
        return
    environment = draft.policy.subsystem(request_of(draft).subsystem_id).environment
    if environment is not None and not released(draft, landed, environment):
        return
    if file_capa(draft):
        change(draft, waits_for="")
        draft.close(Outcome.ROLLED_BACK, reverts.rolled_back(revert, environment))


def released(draft: Draft, landed: Landing, environment: str) -> bool:
    """Tell whether the revert is in production; one that does not get there is a person's."""
    seen = release(draft, environment, landed, "revert")
    if seen is not None and seen.state in DEPLOYED:
        return True
    if seen is not None and seen.state in DEPLOYMENT_FAILED:
        end_badly(draft, reverts.deployment_failed(environment, seen.state))
        return False
    minutes = draft.policy.governance.observation.deployment_timeout_minutes
    end = landed.at + timedelta(minutes=minutes)
    if draft.now >= end:
        end_badly(draft, reverts.not_deployed(environment, minutes))
        return False
    waits_for = reverts.awaits_deployment(revert_of(draft), environment)
    if revert_of(draft).waits_for != waits_for:
        change(draft, waits_for=waits_for)
        draft.note("revert_awaits", environment=environment, merge_sha=landed.sha)
    draft.wake(end)
    return False


def end_badly(draft: Draft, reason: str) -> None:
    """End as failed, with a CAPA that says what a person has to do."""
    if revert_of(draft).blocked != reason:
        change(draft, blocked=reason, waits_for="")
    if file_capa(draft):
        draft.close(Outcome.FAILED, reason)


def give_up_revert(draft: Draft, reason: str) -> None:
    """Leave the landing to a person, with a CAPA that says so."""
    if draft.mission.held != reason and revert_of(draft).blocked != reason:
        change(draft, blocked=reason)
    if file_capa(draft):
        draft.close(Outcome.FAILED, reverts.revert_left_to_a_person(reason))


def file_capa(draft: Draft, why: str = "") -> bool:
    """Ask for the CAPA issue; True once it is filed. `why`: where no revert says it."""
    mission = draft.mission
    if mission.capa is not None:
        return True
    draft.ask(
        FileIssue(
            key=f"capa/{mission.round}",
            purpose="capa",
            title=messages.capa_title(mission),
            body=messages.capa_body(mission, capa_tree(draft), why),
            labels=("capa",),
        )
    )
    return False


def capa_tree(draft: Draft) -> Condition:
    """Return the tree of the window that led here."""
    window = draft.mission.window
    if window is None:
        return judging.explained(draft.case())
    if window.anchor is None:
        return leaf("metrics", Result.NO_DATA, "the window was never anchored")
    return judged(draft)
