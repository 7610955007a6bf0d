"""Heal by playbook: choose one, wait for who must agree, have it run, watch, or take it back.

Detect, plan, execute, verify, observe, close: the first is what filed the mission, plan is the
phase planning, execute and verify are the runner's in the phase executing, the rest is as for any
other mission. A playbook may end in a patch, which then goes the way of all patches.
"""

from datetime import timedelta
from typing import Final

from grace.domain import approving, replies
from grace.domain import healing_gates as gates
from grace.domain import remedy_words as words
from grace.domain.asked import Agreement, Offered, PlaybookTry
from grace.domain.effects import OfferRun
from grace.domain.events import RunReported
from grace.domain.lifecycle.asking import free_name, offer
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.given import request_of
from grace.domain.lifecycle.landed import end_window, judge_window, open_window, window_of
from grace.domain.lifecycle.order import Order
from grace.domain.lifecycle.running import change, leave, run_id, trying_of
from grace.domain.lifecycle.undone import file_capa
from grace.domain.mission import Window, about_of
from grace.domain.package import PatchCandidate
from grace.domain.phase import Outcome, Phase
from grace.domain.playbooks.planning import Match, matching, needs
from grace.domain.playbooks.run import ENDED, RunOrder, RunState
from grace.domain.proposals import Proposal
from grace.domain.verdict import Condition

DAY: Final = timedelta(days=1)
MAX_ORDERS: Final = 20
CALLS: Final = 4  # of a step's actions between two words of a runner: looks, act and verify


def planning(draft: Draft) -> None:
    """Choose the playbook to try next; a mission without one is a person's."""
    if draft.mission.trying is not None:
        each = change(draft, failure=words.patch_failed(draft.mission))
        draft.note_elite(
            "playbook_failed", playbook=each.playbook, target=each.target, reason=each.failure
        )
    match = next_match(draft)
    if match is None:
        reason = words.no_playbook(draft.mission)
        if draft.mission.tries:
            end_badly(draft, reason)
        else:
            draft.hold(reason)
        return
    mission = draft.mission
    found = needs(match.playbook)
    why = mission.choice.sentence if mission.choice is not None else ""
    each = PlaybookTry(
        number=len(mission.tries) + 1,
        playbook=match.playbook.name,
        version=match.playbook.version,
        target=match.target,
        kind=match.playbook.target,
        # A step that needs a named person asks for itself, when it is its turn.
        risk=found.unattended,
        persons=found.persons,
        why=f"{match.why}; {why}" if why else match.why,
    )
    draft.set(tries=(*mission.tries, each), forge_says="")
    draft.note_elite(
        "playbook_chosen",
        playbook=each.playbook,
        version=each.version,
        target=each.target,
        risk=each.risk.value,
        radius=found.radius.value,
        persons=list(each.persons),
        why=each.why,
    )
    draft.move(Phase.EXECUTING, f"playbook {each.playbook} on {each.target}")


def next_match(draft: Draft) -> Match | None:
    """Find the playbook that is tried next: one that fits, ranked by what worked."""
    mission, policy = draft.mission, draft.policy
    if len(mission.tries) >= policy.governance.healing.max_playbooks:
        return None
    request = request_of(draft)
    targets = policy.subsystem(request.subsystem_id).targets
    tried = {(t.playbook, t.target) for t in mission.tries}
    fitting = [
        m
        for m in matching(policy.playbooks, request, targets)
        if (m.playbook.name, m.target) not in tried
    ]
    choice = mission.choice
    if choice is not None:
        fitting.sort(key=lambda m: choice.place(f"playbook:{m.playbook.name}"))
    return fitting[0] if fitting else None


def executing(draft: Draft) -> None:
    """Lay the run out once everybody agreed, and go on from how it ended."""
    each = trying_of(draft.mission)
    if draft.facts.kill_switch and each.undoing is None:
        leave(draft, "the kill switch is on")
    if each.state is None:
        lay_out(draft, each)
    elif each.state is RunState.OFFERED:
        await_runner(draft, each)
    elif each.state is RunState.RUNNING:
        await_word(draft, each)
    elif each.undoing is not None:
        undone(draft, each)
    else:
        ended(draft, each)


def lay_out(draft: Draft, each: PlaybookTry) -> None:
    """Order the run where nothing stands in its way."""
    mission, rules = draft.mission, draft.policy.governance.healing
    if each.undoing is None:
        case = draft.case()
        for ends in filter(None, (c.ends(case.now) for c in gates.frozen(case))):
            draft.wake(ends)
        if not all(c.passes for c in gates.barriers(case, each)):
            return
        today = [r for r in draft.facts.runs if r.target == each.target and r.at > draft.now - DAY]
        if not each.run and len(today) >= rules.max_per_day:
            draft.hold(words.runs_used(each.target, rules.max_per_day))
            return
    playbook = draft.policy.playbooks.named(each.playbook)
    if playbook is None or playbook.version != each.version:
        gone(draft, each)
        return
    new = change(
        draft,
        run=each.run + 1,
        state=RunState.OFFERED,
        offered_at=draft.now,
        waiting_for=None,
    )
    if each.undoing is None:
        draft.set(basis=basis_of(draft, new))
    report, agreed = each.report, approved(draft, new)
    first = run_id(mission, new.model_copy(update={"run": 1}))
    order = RunOrder(
        id=run_id(mission, new),
        first=None if new.run == 1 else first,
        mission=mission.name,
        playbook=playbook,
        target=new.target,
        kind=new.kind,
        mode="undo" if new.undoing is not None else "run",
        approved={step: given.login for step, given in agreed.items()},
        agreed={step: given.thing for step, given in agreed.items()},
        resumes=report.steps if report is not None else (),
    )
    draft.note_elite(
        "run_ordered",
        run=order.id,
        playbook=new.playbook,
        target=new.target,
        mode=order.mode,
        approved=order.approved,
    )
    draft.ask(OfferRun(key=f"run/{new.number}/{new.run}", order=order))


def gone(draft: Draft, each: PlaybookTry) -> None:
    """Go on without a playbook that is not there any more; what it did is then a person's."""
    reason = f"playbook {each.playbook} v{each.version} is not in the configuration any more"
    if each.undoing is None:
        fail(draft, reason)
    else:
        end_badly(draft, f"{each.undoing}; what was done is not taken back: {reason}")


def basis_of(draft: Draft, each: PlaybookTry) -> str:
    """Say what lets a playbook run, for its record."""
    if any(gates.valid(draft.case(), a) for a in draft.mission.agreements if a.run == each.number):
        return "approvals"
    asked = draft.policy.governance.healing.approvals.needed(each.risk)
    return "trust" if asked else "none"


def approved(draft: Draft, each: PlaybookTry) -> dict[str, Agreement]:
    """Find who agreed to which step that needs a named person; the newest word counts."""
    case = draft.case()
    return {
        a.gate: a
        for a in draft.mission.agreements
        if a.run == each.number and a.gate in each.persons and gates.valid(case, a)
    }


def await_runner(draft: Draft, each: PlaybookTry) -> None:
    """Wait for a runner to begin; where none does, say so and hold."""
    assert each.offered_at is not None  # it was laid out
    minutes = draft.policy.governance.healing.runner_timeout_minutes
    due = each.offered_at + timedelta(minutes=minutes)
    if draft.now < due:
        draft.wake(due)
    else:
        draft.hold(words.no_runner(each, minutes))


def await_word(draft: Draft, each: PlaybookTry) -> None:
    """Wait for the runner's next word; where none comes for long, say so and hold."""
    assert each.heard_at is not None  # its word made it so
    playbook = draft.policy.playbooks.named(each.playbook)
    steps = (playbook.healed, *playbook.steps) if playbook is not None else ()
    seconds = max((s.timeout_seconds for s in steps), default=0)
    minutes = draft.policy.governance.healing.runner_timeout_minutes
    due = each.heard_at + timedelta(minutes=minutes, seconds=seconds * CALLS)
    if draft.now < due:
        draft.wake(due)
    else:
        draft.hold(words.runner_silent(each))


def run_reported(draft: Draft, event: RunReported) -> None:
    """Take how the run stands; a word about another run, or an older one, changes nothing."""
    mission, report = draft.mission, event.report
    each = mission.trying
    if each is None or report.id != run_id(mission, each) or each.state in ENDED:
        return
    known = each.report
    if known is not None and known.id == report.id and known.number >= report.number:
        return
    minutes = draft.policy.governance.healing.runner_timeout_minutes
    if mission.held in {words.no_runner(each, minutes), words.runner_silent(each)}:
        draft.set(held=None)
    change(
        draft,
        report=report,
        state=report.state,
        waiting_for=report.waiting_for,
        heard_at=draft.now,
    )
    draft.note_elite(
        "run_reported",
        report.runner,
        run=report.id,
        state=report.state.value,
        sentence=report.sentence,
        steps=[s.model_dump(mode="json") for s in report.steps],
        waiting_for=report.waiting_for,
    )


def ended(draft: Draft, each: PlaybookTry) -> None:
    """Go on from a run that ended."""
    match each.state:
        case RunState.HEALED:
            healed(draft, each)
        case RunState.NEEDS_PERSON if each.run < MAX_ORDERS:
            change(draft, state=None)
        case RunState.WITHDRAWN if each.run < MAX_ORDERS and draft.mission.held is not None:
            pass  # it was held: a person says how it goes on
        case RunState.WITHDRAWN if each.run < MAX_ORDERS:
            change(draft, state=None)
        case _:
            fail(draft, words.try_reason(each))


def healed(draft: Draft, each: PlaybookTry) -> None:
    """Watch what was healed; a playbook that ends in a patch goes on as a patch."""
    report, mission = each.report, draft.mission
    assert report is not None  # it ended
    if report.diff is None:
        draft.set(window=Window(anchor=draft.now, anchored_to="run"))
        draft.move(Phase.OBSERVING, words.try_reason(each))
        return
    name = free_name(mission, f"{each.playbook}-{each.number}")
    lines = Proposal(request=report.id, agent=each.playbook, base="0" * 40, diff=report.diff).lines
    offer(
        draft,
        Offered(
            candidate=PatchCandidate(name=name, diff=report.diff),
            agent=each.record,
            origin="playbook",
            lines=lines,
            sentence=report.sentence[:1000],
        ),
    )
    draft.note_elite("proposed", each.record, candidate=name, diff=report.diff, request=report.id)
    draft.move(Phase.PLANNING, f"playbook {each.playbook} ends in a patch")


def fail(draft: Draft, reason: str) -> None:
    """End a playbook that did not heal; the next one is chosen by the planning."""
    each = change(draft, failure=reason)
    draft.note_elite("playbook_failed", playbook=each.playbook, target=each.target, reason=reason)
    draft.move(Phase.PLANNING, reason)


def observing(draft: Draft) -> None:
    """Judge the window after a playbook healed."""
    window = window_of(draft)
    assert window.anchor is not None  # set with the run's end
    if window.ends_at is None:
        window = open_window(draft, "run", window.anchor)
    judge_window(draft, window, take_back)


def take_back(draft: Draft, tree: Condition) -> None:
    """Undo what a playbook did: it made things worse, or a person asked for it."""
    failed = tree.holding() or tree
    reason = f"{failed.name}: {failed.reason}"
    end_window(draft, "regress", reason)
    change(draft, undoing=reason, state=None, waiting_for=None)
    draft.note_elite("undo_ordered", reason=reason)
    draft.move(Phase.EXECUTING, reason)


def undone(draft: Draft, each: PlaybookTry) -> None:
    """End after what was done was taken back, or could not be; either way a person looks."""
    assert each.undoing is not None  # the caller looked
    if not file_capa(draft):
        return
    if each.state is RunState.UNDONE:
        draft.close(Outcome.ROLLED_BACK, f"{each.undoing}; {words.try_reason(each)}")
    else:
        draft.close(Outcome.FAILED, f"{each.undoing}; {words.try_reason(each)}")


def end_badly(draft: Draft, reason: str) -> None:
    """End as failed, with a CAPA that says what was tried."""
    if file_capa(draft, reason):
        draft.close(Outcome.FAILED, reason)


def approve(draft: Draft, order: Order, gate: str) -> str | None:
    """Agree to the playbook in play, or to the step that it waits with."""
    mission, each = draft.mission, trying_of(draft.mission)
    open_gates = (each.waiting_for,) if each.waiting_for is not None else (gates.PLAYBOOK,)
    if gate not in open_gates and (gate or each.waiting_for is not None):
        return replies.unknown_gate(gate, open_gates)
    if each.state is not None or each.undoing is not None:
        return replies.nothing_to("approve", mission)
    given = Agreement(
        login=order.login,
        actor_id=order.given.actor.id,
        gate=gate or gates.PLAYBOOK,
        run=each.number,
        thing=gates.thing_of(each),
        at=order.given.at or draft.now,
        about=about_of(order.given),
    )
    if approving.proposes(mission, draft.policy, order.given.actor):
        return replies.own_proposal(order.login)
    others = tuple(
        a
        for a in mission.agreements
        if (a.login, a.gate, a.run) != (given.login, given.gate, given.run)
    )
    draft.set(agreements=(*others, given))
    draft.note("approved", order.login, gate=given.gate, run=each.number, playbook=each.playbook)
    return None
