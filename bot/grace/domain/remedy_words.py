"""What Grace says of remedies: whom she asked, what memory found, what was tried, what it cost."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from grace.domain.asked import Ask, PlaybookTry
from grace.domain.mission import Mission
from grace.domain.playbooks.run import ENDED, RunState, StepState
from grace.domain.proposals import Refusal
from grace.domain.render import code, inline

MOST_STEPS: Final = 30
NOTHING_LEFT: Final = "no patch was found"
WAY_OUT: Final = (
    "add a patch candidate to the issue and comment `/grace start`, name a test in "
    "`must_pass_tests` that shows the fault, or `/grace cancel`"
)


def memory_silent(reason: str) -> str:
    """Say that memory could not be asked."""
    return f"memory could not be asked: {reason}"


def reused(mission: str, held: int) -> str:
    """Say where a patch is from that is tried again."""
    times = "once" if held == 1 else f"{held} times"
    return f"it fixed the same in {mission}, and held {times}"


def claimed(agent: str, until: datetime) -> str:
    """Say who has the work now."""
    return f"{agent} has claimed the work until {until:%H:%M:%S} UTC"


def asked(asks: Sequence[Ask]) -> str:
    """Say which agents are at work, and until when they are waited for."""
    names = " and ".join(a.agent for a in asks)
    until = max(a.ends_at for a in asks)
    verb = "is" if len(asks) == 1 else "are"
    return f"{names} {verb} at work on a patch; waited for until {until:%H:%M:%S} UTC"


def why_asked(mission: Mission) -> str:
    """Say why this agent is asked; nothing where memory was silent, and the order is people's."""
    if mission.choice is None:
        return ""
    alone = len(mission.choice.order) == 1
    return mission.choice.sentence or ("there is no other remedy to choose" if alone else "")


def no_answer(ask: Ask) -> str:
    """Say that an agent's answer did not come."""
    minutes = (ask.ends_at - ask.asked_at).total_seconds() / 60
    return f"no answer came within {minutes:g} minutes: look at the runs of its workflow"


def minutes_used(limit: float) -> str:
    """Say that the mission's minutes are used up."""
    return f"agents may work {limit:g} minutes on a mission (`asking.minutes_per_mission`)"


def money_used(limit: float, over: str) -> str:
    """Say that the money is used up; `over`: mission or day."""
    return f"agents may cost {limit:g} USD a {over} (`asking.money_usd_per_{over}`)"


def asks_used(limit: int) -> str:
    """Say that the day's runs are used up."""
    return f"agents are asked at most {limit} times a day here (`asking.asks_per_day`)"


def asks_done(limit: int) -> str:
    """Say that the mission's runs are used up."""
    return f"agents are asked at most {limit} times for a mission (`asking.max_asks`)"


def nothing_left(mission: Mission, why_nobody: str | None) -> str:
    """Say what was tried and what a person can do; the report of a search that failed."""
    told = [f"{a.agent}: {a.sentence or 'no answer'}" for a in mission.asks if a.candidate is None]
    tried = [f"{a.candidate} failed: {a.failure}" for a in mission.attempts if a.failure]
    parts = [*told[-4:], *tried[-2:]]
    more = [why_nobody] if why_nobody is not None else []
    found = "; ".join([*parts, *more]) or "nobody was asked"
    return f"{NOTHING_LEFT} ({found}): {WAY_OUT}"


def cost(ask: Ask) -> str:
    """Say what one run of an agent used."""
    usage = ask.usage
    parts = [f"{usage.seconds:.0f} s"]
    if usage.tokens_in or usage.tokens_out:
        parts.append(f"{usage.tokens_in + usage.tokens_out:,} tokens")
    if usage.measured:
        parts.append(f"{usage.money_usd:.2f} USD")
    elif ask.money_usd:
        parts.append(f"at most {ask.money_usd:.2f} USD")
    return ", ".join(parts)


def remedy_lines(mission: Mission) -> list[str]:
    """Say in the mission's comment what memory found, what was chosen and why, and what it cost."""
    lines: list[str] = []
    if mission.recalled:
        lines.append(f"- memory: {inline(mission.recalled, 600)}")
    if mission.choice is not None and mission.choice.sentence and (mission.asks or mission.tries):
        lines.append(f"- choice: {inline(mission.choice.sentence, 600)}")
    lines += [
        _offered(mission, o.candidate.name, o.sentence)
        for o in mission.offered
        if o.origin in {"memory", "claim", "playbook"}
    ]
    lines += [_ask(a) for a in mission.asks]
    for each in mission.tries:
        lines += _try(each)
    if mission.tries and mission.tries[-1].state in ENDED:
        lines += _steps(mission.tries[-1])
    return ["### Remedies", "", *lines, ""] if lines else []


def _offered(mission: Mission, name: str, sentence: str) -> str:
    failure = next((a.failure for a in mission.attempts if a.candidate == name and a.failure), None)
    words = f"; {inline(failure, 300)}" if failure else ""
    return f"- {code(name)}: {inline(sentence, 300)}{words}"


def _ask(ask: Ask) -> str:
    if ask.answered_at is None:
        return f"- {code(ask.agent)}: at work since {ask.asked_at:%H:%M:%S} UTC"
    found = inline(ask.sentence, 400)
    if ask.candidate is not None:
        sure = "a plausible patch" if ask.plausible else "a patch"
        return f"- {code(ask.agent)}: {sure}, {code(ask.candidate)} ({cost(ask)}): {found}"
    kind = (ask.refusal or Refusal.FAILED).value.replace("_", " ")
    return f"- {code(ask.agent)}: {kind} ({cost(ask)}): {found}"


def _try(each: PlaybookTry) -> Iterator[str]:
    # A run tells of each step; a comment says how it ended, for each edit is a write at the forge.
    state = "under way"
    if each.state is not None and each.state in ENDED:
        state = each.state.value.replace("_", " ")
    state = each.failure or state
    yield f"- playbook {code(each.playbook)} on {code(each.target)}: {inline(state, 400)}"


def _steps(each: PlaybookTry) -> Iterator[str]:
    """List the newest steps of the newest try: a forge refuses a comment that is too long."""
    for step in (each.report.steps if each.report is not None else ())[-MOST_STEPS:]:
        if step.state is not StepState.SKIPPED:
            yield f"  - {code(step.step)}: {step.state.value}: {inline(step.sentence, 300)}"


def try_reason(each: PlaybookTry) -> str:
    """Say how a run ended, in the runner's words."""
    said = each.report.sentence if each.report is not None else ""
    state = (each.state or RunState.FAILED).value.replace("_", " ")
    return f"playbook {each.playbook} on {each.target}: {state}{': ' + said if said else ''}"


def patch_failed(mission: Mission) -> str:
    """Say why the patch that a playbook ended in did not do."""
    last = mission.attempts[-1] if mission.attempts else None
    why = f": {last.failure}" if last is not None and last.failure else ""
    return f"the patch that it ended in failed{why}"


def no_playbook(mission: Mission) -> str:
    """Say that no playbook is left to try."""
    tried = "; ".join(t.failure or "" for t in mission.tries)
    if not tried:
        return (
            "no playbook fits its symptoms and the targets of its subsystem: name a target in "
            "subsystems.yaml, write a playbook, or `/grace cancel`"
        )
    return f"no playbook healed it ({tried}): a person must look"


def no_runner(each: PlaybookTry, minutes: float) -> str:
    """Say that nobody took a run."""
    return (
        f"no runner took the run on {each.target} within {minutes:g} minutes: start "
        f"`grace runner` for {each.target}, then `/grace resume`"
    )


def runner_silent(each: PlaybookTry) -> str:
    """Say that the runner of a run fell silent."""
    return (
        f"the runner of {each.playbook} on {each.target} has said nothing for long: see that "
        "`grace runner` runs there, then `/grace resume`, or `/grace cancel`"
    )


def runs_used(target: str, limit: int) -> str:
    """Say that the day's runs on a target are used up."""
    return f"playbooks ran {limit} times on {target} within a day (`healing.max_per_day`)"


def children_open(names: Sequence[str]) -> str:
    """Say which children a mission waits for."""
    return f"waits for its children: {', '.join(names[:10])}"


def children_done(names: Sequence[str]) -> str:
    """Say that all children ended well."""
    return f"all its children ended well: {', '.join(names[:10])}"


def children_failed(names: Sequence[str]) -> str:
    """Say which children ended badly."""
    return f"of its children these did not end well: {', '.join(names[:10])}"
