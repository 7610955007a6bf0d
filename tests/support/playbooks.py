"""Playbooks of a pretended kind, and a world in which to carry them out without a runner."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from grace.domain.playbooks.action import ActionSpec, Param, Radius, Risk, TargetKind
from grace.domain.playbooks.carrying import next_thing
from grace.domain.playbooks.playbook import Playbook
from grace.domain.playbooks.record import (
    Acted,
    Closed,
    Failed,
    Intended,
    Looked,
    Ordered,
    Over,
    TakenBack,
    TakenUp,
    Undoing,
    Verified,
    Withdrawn,
)
from grace.domain.playbooks.run import RunOrder, RunReport, RunState, StepReport, StepState
from grace.domain.playbooks.things import Close, Do, End

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANY = tuple(TargetKind)


def spec(name, risk=Risk.LOW, **more):
    given = {"kinds": ANY, "words": f"{name}s it", "radius": Radius.PROCESS} | more
    return ActionSpec(name=f"fake.{name}", risk=risk, **given)


SPECS = {
    each.name: each
    for each in (
        spec("well", Risk.READ, radius=Radius.NOTHING),
        spec("evidence", Risk.READ, radius=Radius.NOTHING),
        spec("mend", undo=True),
        spec("restart", Risk.MEDIUM, radius=Radius.SERVICE),
        spec("swap", Risk.HIGH, radius=Radius.DATABASE, undo=True, person=True),
        spec("propose", Risk.LOW, radius=Radius.REPOSITORY, proposes=True),
        spec(
            "wait",
            Risk.READ,
            radius=Radius.NOTHING,
            kinds=(TargetKind.SQLITE,),
            params=(
                Param(name="seconds", type="number", words="how long", default=1, least=0, most=90),
                Param(name="count", type="integer", words="how many", default=1, least=1),
                Param(name="how", type="text", words="how", choices=("gently", "hard")),
                Param(name="kill", type="flag", words="whether", default=False),
            ),
        ),
    )
}


def step(name, action="mend", **more):
    return {"id": name, "action": f"fake.{action}"} | more


def playbook(*steps, **more):
    given = {
        "name": "mend-it",
        "description": "Mend it.",
        "target": "sqlite",
        "symptoms": {"phrases": ["it is broken"]},
        "healed": step("well", "well"),
        "steps": list(steps) or [step("mend")],
    }
    return Playbook.model_validate(given | more)


def order(*steps, **more):
    given = {"id": "mission_20261122_001/run/1.1", "target": "orders-db", "kind": "sqlite"}
    return RunOrder.model_validate(given | {"playbook": playbook(*steps)} | more)


def report_of(name, state=StepState.DONE, **more):
    given = {"sentence": f"{name} is {state.value}", "started_at": START, "ended_at": START}
    return StepReport(step=name, state=state, **(given | more))


def run_report(run="mission_20261122_001/run/1.1", number=1, state=RunState.RUNNING, **more):
    given = {"runner": "db-1", "sentence": "as it stands", "at": START}
    return RunReport(id=run, number=number, state=state, **(given | more))


class Killed(Exception):
    """The process was ended."""


@dataclass
class World:
    """What steps do in it: the names in `so` are so; a call of `breaks` fails in its way.

    `breaks`: by (doing, step): the word of the failure, or a function of the world. `kill_at`: the
    point, counted over the whole run, at which the process ends. `heals`: the steps by which it is
    healed; empty: nothing heals it.
    """

    so: set = field(default_factory=set)
    breaks: dict = field(default_factory=dict)
    heals: frozenset = frozenset()
    about: str = ""
    diff: str | None = None
    calls: list = field(default_factory=list)
    words: list = field(default_factory=list)
    points: int = 0
    kill_at: int = 0
    ticks: int = 0
    withdraw_at: int = 0

    def now(self):
        self.ticks += 1
        return START + timedelta(seconds=self.ticks)

    def point(self):
        self.points += 1
        if self.points == self.kill_at:
            raise Killed

    def write(self, word):
        self.point()
        self.words.append(word)
        self.point()

    def call(self, do):
        """Do what a step asks for, as an action would; the answer is the word to write."""
        name = do.step.id
        self.calls.append((do.doing, name))
        broken = self.breaks.get((do.doing, name))
        if callable(broken):
            broken = broken(self)
        if broken is not None:
            return Failed(step=name, doing=do.doing, before=do.before, at=self.now(), **broken)
        said = {"step": name, "sentence": f"{name} {do.doing}", "at": self.now()}
        said["found"] = {do.doing: len(self.calls)}
        match do.doing:
            case "look":
                holds = self.healed() if name == "well" else name in self.so
                diff = None if name == "well" else self.diff
                return Looked(before=do.before, holds=holds, about=self.about, diff=diff, **said)
            case "act":
                self.point()
                self.so.add(name)
                self.point()
                return Acted(**said)
            case "verify":
                return Verified(holds=name in self.so, diff=self.diff, **said)
            case "undo":
                self.so.discard(name)
                self.point()
                return TakenBack(**said)

    def healed(self):
        return bool(self.heals & self.so)


def carry(world, ordered, earlier=()):
    """Carry a run out as a runner does, from wherever it stands; return its end."""
    if not world.words:
        world.write(Ordered(order=ordered, at=world.now()))
    world.write(TakenUp(at=world.now()))
    for _ in range(400):
        if world.withdraw_at and world.points >= world.withdraw_at:
            world.withdraw_at = 0
            world.write(Withdrawn(reason="the mission is held", at=world.now()))
        match next_thing(ordered, world.words, SPECS, earlier):
            case End() as end:
                if not any(isinstance(w, Over) for w in world.words):
                    given = {"waiting_for": end.waiting_for, "diff": end.diff}
                    world.write(
                        Over(state=end.state, sentence=end.sentence, at=world.now(), **given)
                    )
                return end
            case Close() as close:
                at = world.now()
                told = {"sentence": close.sentence, "found": dict(close.found)}
                told |= {"about": close.about, "started_at": at, "ended_at": at}
                world.write(Closed(report=StepReport(step=close.step, state=close.state, **told)))
            case Do() as do:
                if do.doing == "act":
                    world.write(Intended(step=do.step.id, at=world.now()))
                elif do.doing == "undo":
                    world.write(Undoing(step=do.step.id, at=world.now()))
                word = world.call(do)
                world.write(word)
    raise AssertionError("the run does not come to an end")


def states(world):
    """Tell how each step ended last, by the words."""
    return {w.report.step: w.report.state.value for w in world.words if isinstance(w, Closed)}
