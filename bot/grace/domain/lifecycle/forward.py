"""Carry a mission from its start to its merge, from what is known; called until nothing changes."""

from datetime import timedelta

from grace.domain import approving, gates, issue_body, judging, messages, remedy_words
from grace.domain.effects import (
    FileIssue,
    OpenPull,
    PushPatch,
    ReadPull,
    ReadReport,
    RequestReview,
)
from grace.domain.lifecycle import children, healing, seeking
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.given import attempt_of, blocked, fresh_base, request_of
from grace.domain.lifecycle.governing import ask_for_governance
from grace.domain.lifecycle.proactive import (
    agent_of,
    arm,
    begin_herself,
    look_at_draft,
    tell_people,
)
from grace.domain.lifecycle.starting import begin, pinned
from grace.domain.mission import Attempt, PullRef
from grace.domain.package import MissionContext, PatchCandidate
from grace.domain.people import Actor
from grace.domain.phase import Outcome, Phase
from grace.domain.results import Sha
from grace.domain.schedule import held_back_by
from grace.domain.verdict import Condition, Result, all_of

RETRY_MERGE = timedelta(seconds=15)
MAX_REFUSALS = 5
GATE_PATIENCE = 6  # people are slower than CI


def awaiting_start(draft: Draft) -> None:
    """Start at once what somebody with write permission filed; its issue comes first.

    An edit by somebody else starts nothing that a stranger filed.
    """
    mission = draft.mission
    if mission.alert is not None:
        arm(draft)
        file_mission(draft)
        begin_herself(draft)
        if draft.mission.phase is not Phase.AWAITING_START:
            return
        assert mission.request is not None  # what an alert files has a contract
        configured = mission.request.subsystem_id in draft.policy.subsystems.subsystems
        if draft.policy.governance.start_alerts and mission.issue is not None and configured:
            begin(draft, Actor(login="policy: start_alerts"))
        return
    if mission.by_api:
        file_mission(draft)
        if mission.issue is None:
            return
    body = mission.body_digest[:16]
    deeds = [d for d in ("filed", "edited") if f"permission/{d}/{body}" in mission.requested]
    found = [draft.facts.permission(f"{deed}:{body}") for deed in deeds]
    if mission.requester is not None and all(p is not None and p.may_write for p in found):
        begin(draft, mission.requester)


def file_mission(draft: Draft) -> None:
    """File the issue of a mission that did not begin as one."""
    mission = draft.mission
    if mission.issue is None:
        draft.ask(
            FileIssue(
                key=f"issue/{mission.round}",
                purpose="mission",
                title=messages.mission_title(mission),
                body=issue_body.mission_body(mission),
                labels=("mission",),
            )
        )


def planning(draft: Draft) -> None:
    """Context and snapshot: read the base, wait for rivals, then choose the next candidate."""
    if children.awaited(draft) or blocked(draft) or not seeking.recalled(draft):
        return
    if seeking.heals(draft) and seeking.exhausted(draft):
        healing.planning(draft)
        return
    nobody = not (draft.mission.candidates or seeking.allowed(draft))
    if nobody and not seeking.remember(draft) and draft.facts.claim is None:
        draft.hold(messages.NO_CANDIDATE)
        return
    mission = draft.mission
    why = held_back_by(mission, draft.facts.rivals, draft.policy.governance.max_parallel)
    if why is not None:
        if mission.forge_says != why:
            draft.set(forge_says=why)
        return
    if not pinned(draft) or not fresh_base(draft):
        return
    if seeking.exhausted(draft) or seeking.awaiting(draft):
        if draft.mission.context is None:
            note_context(draft)
        if not seeking.seek(draft):
            nothing_left(draft)
        return
    draft.set(forge_says="")
    note_context(draft)
    next_attempt(draft)


def nothing_left(draft: Draft) -> None:
    """End where patches were tried and none did; where none was found a person may give one."""
    mission = draft.mission
    rules = draft.policy.governance.asking
    reason = remedy_words.nothing_left(mission, seeking.why_nobody(draft, rules))
    if mission.attempts:
        draft.close(Outcome.FAILED, messages.no_candidate_left(mission.attempts, reason))
    else:
        draft.hold(reason)


def note_context(draft: Draft) -> None:
    """Record the target repository as it is now."""
    base = draft.facts.base
    assert base is not None  # asked for by the caller
    subsystem = draft.policy.subsystem(request_of(draft).subsystem_id)
    context = MissionContext(
        git_sha=base.sha,
        config_hash=draft.policy.digest(),
        env=subsystem.environment or "none",
        branch=subsystem.base_branch,
        version=base.version,
    )
    draft.set(context=context)
    draft.note("planned", context=context.model_dump(mode="json"))


def next_attempt(draft: Draft) -> None:
    """Try the candidate whose turn it is, or end when none is left."""
    mission = draft.mission
    candidates = mission.candidates
    limit = min(len(candidates), draft.policy.governance.max_attempts)
    if mission.candidate >= limit:
        seek_or_end(draft)
        return
    candidate = candidates[mission.candidate]
    agent, number = agent_of(draft.policy, mission, candidate), len(mission.attempts) + 1
    attempt = Attempt(number=number, candidate=candidate.name, agent=agent)
    draft.set(attempts=(*mission.attempts, attempt), refresh=False, merge_refusals=0)
    draft.note("attempt_started", attempt=number, candidate=candidate.name, agent=agent)
    if mission.phase is not Phase.PATCHING:
        draft.move(Phase.PATCHING, f"attempt {attempt.number}: {candidate.name}")


def seek_or_end(draft: Draft) -> None:
    """Look for another patch where there is somebody to ask; end where there is not."""
    mission = draft.mission
    if seeking.heals(draft) and mission.phase is Phase.PATCHING:
        draft.move(Phase.PLANNING, "the patch of the playbook failed")
        return
    more = mission.candidate < draft.policy.governance.max_attempts and (
        seeking.more_to_ask(draft) or draft.facts.claim is not None
    )
    if more and mission.phase is Phase.PATCHING:
        draft.move(Phase.PLANNING, "every patch so far failed; another one is looked for")
    else:
        nothing_left(draft)


def patching(draft: Draft) -> None:
    """Branch and patch: push the candidate, open the pull request once, go on to the tests."""
    mission = draft.mission
    if mission.attempt is None:
        if mission.refresh:
            draft.move(Phase.PLANNING, "the base moved")
        else:
            draft.set(candidate=mission.candidate + 1)
            next_attempt(draft)
        return
    if blocked(draft):
        return
    attempt = mission.attempt
    if attempt.head is None:
        push(draft, attempt)
        return
    if mission.pull is None:
        open_pull(draft, attempt)
        return
    draft.move(Phase.TESTING, f"CI tests {attempt.head[:10]}")
    tell_people(draft)


def push(draft: Draft, attempt: Attempt) -> None:
    """Ask for the branch; it replaces exactly what the last attempt pushed."""
    mission = draft.mission
    if not fresh_base(draft):
        return
    assert draft.facts.base is not None  # fresh_base said so
    subsystem = draft.policy.subsystem(request_of(draft).subsystem_id)
    draft.ask(
        PushPatch(
            key=f"push/{attempt.number}/{mission.round}",
            attempt=attempt.number,
            candidate=_candidate(draft, attempt),
            base=draft.facts.base.sha,
            branch=mission.branch,
            subject=messages.commit_subject(mission),
            body=messages.commit_body(mission, attempt),
            agent=f"{attempt.agent}/{attempt.candidate}",
            protected_paths=subsystem.protected_paths,
        )
    )


def _candidate(draft: Draft, attempt: Attempt) -> PatchCandidate:
    candidates = draft.mission.candidates
    found = next(c for c in candidates if c.name == attempt.candidate)
    pin = draft.mission.pins.get(found.name)
    return found if pin is None or found.ref is None else found.model_copy(update={"ref": pin})


def open_pull(draft: Draft, attempt: Attempt) -> None:
    """Ask for the pull request."""
    mission = draft.mission
    draft.ask(
        OpenPull(
            key=f"pull/{mission.round}",
            purpose="work",
            head_branch=mission.branch,
            base_branch=draft.policy.subsystem(request_of(draft).subsystem_id).base_branch,
            head=attempt.head or "",
            title=messages.pull_title(mission),
            body=messages.pull_body(mission, draft.policy),
            draft=mission.prepared is not None,
        )
    )


def ci_tree(draft: Draft) -> Condition:
    """Judge what CI alone can answer."""
    return all_of("ci", judging.ci_gates(draft.case()))


def landed_by_hand(draft: Draft, pull: PullRef | None) -> bool:
    """Tell whether a person merged a pull request of ours; read what landed."""
    seen = draft.facts.pulls.get(pull.number) if pull is not None else None
    if pull is None or seen is None or not seen.merged:
        return False
    key = f"landing/{pull.number}/{draft.mission.round}"
    draft.ask(ReadPull(key=key, number=pull.number))
    return True


def testing(draft: Draft) -> None:
    """Tests, stress, diagnostics, metrics: wait for CI; what fails ends the attempt."""
    if landed_by_hand(draft, draft.mission.pull):
        return
    look_at_draft(draft)
    if draft.mission.held is not None:
        return
    if other_base(draft):
        return
    ask_for_governance(draft)
    tree = ci_tree(draft)
    if tree.result is Result.PENDING:
        await_ci(draft)
    elif tree.passes:
        draft.move(Phase.GATING, "CI passed")
        ask_reviewers(draft)
    else:
        fail_attempt(draft, tree)


def other_base(draft: Draft) -> bool:
    """Make the patch again where CI tested it against another base: the base moved in between."""
    attempt = attempt_of(draft)
    report = draft.facts.report(attempt.head or "")
    if report is None or report.base_sha == attempt.base:
        return False
    base, heard = draft.facts.base, draft.facts.heard_at
    if base is not None and base.sha != attempt.base:
        refresh(draft)
        return True
    if base is not None and heard is not None and base.at >= heard:
        return False  # the tip was read since, and is ours: another report is waited for
    draft.facts = draft.facts.model_copy(update={"base": None})
    fresh_base(draft)
    return True


def refresh(draft: Draft) -> None:
    """Make the same patch again on the new base; an unchanged patch keeps its approvals."""
    draft.set_attempt(failure="the base moved; the same patch is made again")
    draft.set(refresh=True)
    draft.move(Phase.PATCHING, "the base moved")


def ask_reviewers(draft: Draft) -> None:
    """Request reviews of those whose approval is awaited: edited comments notify nobody."""
    mission = draft.mission
    reviewers = draft.policy.subsystem(request_of(draft).subsystem_id).reviewers
    author = mission.requester.login if mission.requester else ""
    wanted = tuple(r for r in reviewers if r != author)
    if mission.muted is not None:
        return
    if wanted and mission.pull is not None and approving.approvals_needed(draft.case()):
        draft.ask(RequestReview(key="reviewers", number=mission.pull.number, reviewers=wanted))


def fail_attempt(draft: Draft, tree: Condition) -> None:
    """End an attempt with the condition that failed it; the next candidate follows."""
    leaf = tree.holding() or tree
    reason = f"{leaf.name}: {leaf.reason}"
    draft.set_attempt(failure=reason)
    draft.note("attempt_failed", attempt=draft.mission.attempts[-1].number, reason=reason)
    draft.move(Phase.PATCHING, reason)


def await_ci(draft: Draft) -> None:
    """Wait for CI: ask the forge when nothing was heard, give up after the time limit."""
    rules = draft.policy.governance.tests
    attempt = attempt_of(draft)
    pushed = attempt.pushed_at or draft.now
    end = pushed + timedelta(minutes=rules.timeout_minutes)
    patience = timedelta(minutes=rules.ask_after_minutes)
    heard = max(draft.facts.heard_at or pushed, pushed)
    if draft.now >= end:
        words = f"CI did not report within {rules.timeout_minutes:g} minutes"
        fail_attempt(draft, ci_failure(words))
        return
    broken = gates.failed_jobs(draft.facts, attempt.head or "", draft.policy)
    unreported = draft.facts.report(attempt.head or "") is None
    if broken and unreported and draft.now - heard >= patience:
        words = (
            f"CI job {broken[0].name} ended with {broken[0].conclusion} and nothing was reported"
        )
        fail_attempt(draft, ci_failure(words))
        return
    fetch_report(draft, attempt.head or "")
    ask_when_silent(draft, patience)
    draft.wake(end)


def fetch_report(draft: Draft, head: Sha) -> None:
    """Look for a report among the artifacts when CI's jobs ended and none was sent.

    Again after twice the time, and so on: a run may leave its artifacts late. That the forge was
    read again in between, and said the same, changes nothing.
    """
    rules = draft.policy.governance.tests
    jobs = gates.newest_jobs(draft.facts, head, draft.policy)
    unfinished = not jobs or any(c.conclusion is None for c in jobs)
    if unfinished or draft.facts.report(head) is not None:
        return
    ended = max(c.at for c in jobs)
    patience = timedelta(seconds=rules.fetch_report_after_seconds)
    passed = max(0, int((draft.now - ended) / patience))
    if passed:
        key = f"report/{head}/{ended.isoformat()}/{passed.bit_length()}"
        draft.ask(ReadReport(key=key, head=head))
    draft.wake(ended + patience * 2 ** passed.bit_length())


def ask_when_silent(draft: Draft, patience: timedelta) -> None:
    """Read the pull request when nothing was heard for so long, once in each such while."""
    attempt = attempt_of(draft)
    pushed = attempt.pushed_at or draft.now
    heard = max(draft.facts.heard_at or pushed, pushed)
    rounds = int((draft.now - pushed) / patience)
    if rounds > 0 and draft.now - heard >= patience and draft.mission.pull is not None:
        number = draft.mission.pull.number
        draft.ask(ReadPull(key=f"read/{attempt.number}/{patience}/{rounds}", number=number))
    draft.wake(pushed + (rounds + 1) * patience)


def ci_failure(words: str) -> Condition:
    """Make the condition that stands for a CI that never answered."""
    return Condition(name="tests", result=Result.FAIL, reason=words, who=gates.CI, children=())
