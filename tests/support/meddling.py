"""What may happen to a mission in `Chaos`: each action draws its details from one number."""

from collections.abc import Callable
from datetime import timedelta

from grace.domain import events as ev
from support.chaos import JOBS, Chaos
from support.phases import alert
from support.world import BOT, CI_APP, METRIC, issue_body, make_report, sha

PEOPLE = ("alice", "rita", "mallory", "sam", "nobody", BOT)
Action = Callable[[Chaos, int], None]

MANY = 300  # more effects in a row than any mission asks for without new events


def person(n: int) -> ev.Actor:
    return ev.Actor(login=PEOPLE[n % len(PEOPLE)])


def file(chaos: Chaos, n: int) -> None:
    bodies = (issue_body(candidates=2), issue_body(), "nonsense", issue_body(window="2"))
    author = ev.Actor(login=("alice", "alice", "mallory")[n % 3])
    chaos.tell(
        ev.IssueSeen(
            number=1,
            title="slow",
            body=bodies[n % len(bodies)],
            author=author,
            sender=author if n % 5 else person(n),
            updated_at=chaos.world.now,
        )
    )


def run(chaos: Chaos, n: int) -> None:
    """Carry out one waiting effect, out of turn."""
    if chaos.world.pending:
        effect = chaos.world.pending.pop(n % len(chaos.world.pending))
        chaos.tell(chaos.answer(effect))


def run_all(chaos: Chaos, _: int) -> None:
    """Carry out effects until none is left; one that calls for the next without end is a fault."""
    for _round in range(MANY):
        if not chaos.world.pending:
            return
        run(chaos, 0)
    newest = [told.event for told in chaos.told[-3:]]
    raise AssertionError(f"{MANY} effects and no end: {chaos.world.pending[:3]} after {newest}")


def delay(chaos: Chaos, n: int) -> None:
    """Carry out an effect whose outcome arrives later."""
    if chaos.world.pending:
        effect = chaos.world.pending.pop(n % len(chaos.world.pending))
        chaos.mail.append(chaos.answer(effect))


def arrive(chaos: Chaos, n: int) -> None:
    if chaos.mail:
        chaos.tell(chaos.mail.pop(n % len(chaos.mail)))


def lose(chaos: Chaos, n: int) -> None:
    if chaos.world.pending:
        chaos.world.pending.pop(n % len(chaos.world.pending))


def fail(chaos: Chaos, n: int) -> None:
    if chaos.world.pending:
        effect = chaos.world.pending.pop(n % len(chaos.world.pending))
        chaos.failed.append(effect.kind)
        chaos.tell(ev.EffectFailed(key=effect.key, effect=effect.kind, reason="no"))


def again(chaos: Chaos, n: int) -> None:
    """Tell something a second time, however old."""
    if chaos.told:
        chaos.tell(chaos.told[n % len(chaos.told)].event)


def wait(chaos: Chaos, n: int) -> None:
    chaos.world.now += timedelta(seconds=(10, 10, 10, 35, 70, 301, 1900)[n % 7])
    chaos.tell(ev.Ticked())


def observe(chaos: Chaos, n: int) -> None:
    for _ in range(1 + n % 8):
        wait(chaos, 0)
        run_all(chaos, 0)


def _head(chaos: Chaos, n: int) -> str:
    heads = [a.head for a in chaos.world.mission.attempts if a.head]
    return heads[-1 - (n % 7 == 0) * (len(heads) - 1)] if heads else sha("no head")


def ci(chaos: Chaos, n: int) -> None:
    """Let CI pass or fail on a head, all of it or a part."""
    head = _head(chaos, n)
    attempt = next((a for a in chaos.world.mission.attempts if a.head == head), None)
    if attempt is None or attempt.tree is None or attempt.base is None:
        return
    for job in JOBS[: len(JOBS) - (n % 11 == 0)]:
        check(chaos, head, job, "failure" if n % 13 == 0 else "success")
    good = make_report(head, attempt.tree, base=attempt.base, run_id=len(chaos.told) + 1)
    changes: dict[str, object] = {
        3: {"tree": sha("other tree")},
        5: {"base_sha": sha("other base")},
        7: {"suites": good.suites[:1]},
        9: {"stress": good.stress[1:]},
        10: make_report(head, attempt.tree, passed=False).model_dump(include={"suites"}),
        12: {"stress": make_report(head, attempt.tree, p95=900.0).stress},
    }.get(n % 17, {})
    if n % 17 == 10:
        changes = {"suites": make_report(head, attempt.tree, passed=False).suites}
    chaos.tell(ev.ResultsReported(report=good.model_copy(update=changes)))


def check(chaos: Chaos, head: str, job: str, conclusion: str | None) -> None:
    number = f"{len(chaos.told)}"
    at = chaos.world.now
    chaos.tell(
        ev.CheckSeen(id=number, name=job, sha=head, app_id=CI_APP, conclusion=conclusion, at=at)
    )


def one_check(chaos: Chaos, n: int) -> None:
    words = ("success", "failure", "skipped", "neutral", "cancelled", "timed_out", None)
    check(chaos, _head(chaos, n), JOBS[n % 3], words[n % len(words)])


def review(chaos: Chaos, n: int) -> None:
    states = (ev.ReviewState.APPROVED, *ev.ReviewState)
    chaos.tell(
        ev.ReviewSeen(
            id=f"r{len(chaos.told)}",
            pull=2,
            state=states[n % len(states)],
            sha=_head(chaos, n // 5),
            actor=person(n // 3),
            at=chaos.world.now,
        )
    )


def approve(chaos: Chaos, _: int) -> None:
    head, actor = _head(chaos, 1), ev.Actor(login="rita")
    state, number = ev.ReviewState.APPROVED, f"r{len(chaos.told)}"
    at = chaos.world.now
    chaos.tell(ev.ReviewSeen(id=number, pull=2, state=state, sha=head, actor=actor, at=at))


def command(chaos: Chaos, n: int) -> None:
    rarely = ("cancel", "rollback", "veto", "dance")[n // 11 % 4]
    names = ("start", "resume", "approve", "resume", "hold", "retry", "extend", "why", rarely)
    name, number = names[n % 9], f"c{len(chaos.told)}"
    given = {"veto": "too risky", "extend": "0.5"}.get(name, "")
    comment = number if n % 2 else ""
    who = person(n // 5)
    chaos.tell(
        ev.CommandGiven(id=number, name=name, argument=given, actor=who, comment=comment, number=2)
    )


def group(chaos: Chaos, n: int) -> None:
    """Let a merge queue make a group or take one apart; CI may pass on its commit."""
    world = chaos.world
    head = sha(f"group {n % 2}")
    ended = (None, None, "dequeued", "invalidated", "merged")[n % 5]
    chaos.tell(ev.GroupSeen(pull=3 if n % 7 == 0 else 2, head=head, base=world.base, ended=ended))
    if ended is None and n % 3:
        for job in JOBS:
            check(chaos, head, job, "success")
        run = len(chaos.told) + 1
        told = make_report(head, sha(f"tree of {head}"), base=world.base, run_id=run)
        chaos.tell(ev.ResultsReported(report=told))


def drop(chaos: Chaos, n: int) -> None:
    """Let the queue say that a change left it, now or as of some time ago."""
    at = (None, chaos.world.now, chaos.world.now - timedelta(minutes=5))[n % 3]
    chaos.tell(ev.Dequeued(number=3 if n % 7 == 0 else 2, reason="MANUAL", at=at))


def require_queue(chaos: Chaos, n: int) -> None:
    chaos.world.queue = n % 2 == 0


def land_group(chaos: Chaos, n: int) -> None:
    """Let the queue land what it made."""
    mission = chaos.world.mission
    if mission.queued and mission.group is not None and mission.group.tree is not None:
        chaos.world.landed_by_hand.setdefault(mission.group.pull, mission.group.tree)
        number = mission.group.pull
        chaos.tell(chaos.world.pull(number, state="closed", merged=True, sender=person(n)))


def pull(chaos: Chaos, n: int) -> None:
    foreign = {"head_sha": sha("foreign")} if n % 5 == 0 else {}
    state = "closed" if n % 4 == 0 else "open"
    chaos.tell(chaos.world.pull(state=state, draft=n % 7 == 0, sender=person(n // 3), **foreign))


def merge_by_hand(chaos: Chaos, n: int) -> None:
    revert = chaos.world.mission.revert
    number = 3 if revert is not None and revert.pull is not None else 2
    attempt = chaos.world.mission.attempt
    mine = attempt.tree if attempt is not None else None
    tree = mine if n % 2 and mine else sha("by hand")
    chaos.world.landed_by_hand.setdefault(number, tree)
    chaos.tell(chaos.world.pull(number, state="closed", merged=True, sender=person(n)))


def move_base(chaos: Chaos, n: int) -> None:
    chaos.world.base = sha(f"base {n % 3}")
    if n % 4:
        chaos.tell(ev.BasePushed(branch="main", sha=chaos.world.base))


def deploy(chaos: Chaos, n: int) -> None:
    landing = chaos.world.mission.landing
    states = ("success", "success", "failure", "in_progress")
    chaos.tell(
        ev.DeploymentSeen(
            sha=landing.sha if landing is not None else sha("merge work"),
            environment="staging" if n % 6 == 0 else "production",
            state=states[n % 4] if n % 9 == 0 else "success",
            at=chaos.world.now,
        )
    )


def weather(chaos: Chaos, n: int) -> None:
    """Change what production says, and what the forge answers."""
    chaos.world.values[METRIC] = (20.0, 20.0, 900.0, None)[n % 4]
    refusals = (None, None, None, *ev.MergeRefusal)
    chaos.world.merge_answer = refusals[n // 4 % len(refusals)]
    chaos.world.revert_answer = refusals[n // 8 % len(refusals)]
    chaos.world.revert = ({}, {}, {"restores": False}, {"overlapping": ("mesh.py",)})[n // 16 % 4]


def switch(chaos: Chaos, n: int) -> None:
    on = n % 3 == 0
    chaos.world.facts = chaos.world.facts.model_copy(update={"kill_switch": on})
    chaos.tell(ev.Ticked())


def other(chaos: Chaos, n: int) -> None:
    """Tell what a mission hears rarely."""
    world = chaos.world
    chaos.tell(
        (
            alert(world, "resolved"),
            alert(world),
            ev.RevertRefused(reason="conflict"),
            ev.PatchRefused(attempt=1 + n % 2, reason="does not apply"),
            ev.IssueClosed(number=1, sender=person(n)),
            ev.RepositoryRenamed(repository=f"acme/mesh-{n % 3}"),
            ev.RepositoryGone(reason="gone") if n % 8 == 0 else ev.Ticked(),
        )[n % 7]
    )


ACTIONS: tuple[Action, ...] = (
    *(run, run_all, run_all, run_all, delay, arrive, lose, fail, again, again),
    *(wait, observe, observe, ci, ci, ci, one_check, review, approve, approve, command, command),
    *(file, pull, merge_by_hand, move_base, deploy, deploy, weather, switch, other),
    *(command, command, group, group, require_queue, land_group, drop),
)
GOOD: tuple[tuple[Action, int], ...] = (
    *((file, 1), (run_all, 0), (ci, 1), (run_all, 0), (approve, 0), (run_all, 0)),
    *((deploy, 1), (observe, 3)),
)
