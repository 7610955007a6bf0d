"""Healing missions in the pure world: a playbook, a target, and a runner that tests speak for."""

from collections.abc import Iterator

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.phase import Phase
from grace.domain.playbooks.action import Risk, TargetKind
from grace.domain.playbooks.playbook import Playbook, Playbooks, Step, Symptoms
from grace.domain.playbooks.run import RunReport, RunState, StepReport, StepState
from grace.domain.policy import Policy
from support.world import METRIC, World, issue_body, make_policy

DIFF = "--- /dev/null\n+++ b/index.sql\n@@ -0,0 +1 @@\n+CREATE INDEX i ON t (a);\n"


def step(name: str, action: str, **fields: object) -> Step:
    return Step.model_validate({"id": name, "action": action, **fields})


def playbook(name: str = "unlock", risk: Risk | None = None, **fields: object) -> Playbook:
    """Make a playbook of mild steps; `risk`: what its second step is called."""
    steps = (
        step("look", "sqlite.holder"),
        step("checkpoint", "sqlite.checkpoint", risk=risk),
    )
    told = {
        "name": name,
        "description": "gets a database going",
        "target": TargetKind.SQLITE,
        "symptoms": Symptoms(metrics=(METRIC,)),
        "healed": step("healed", "sqlite.writable"),
        "steps": steps,
        **fields,
    }
    return Playbook.model_validate(told)


def healing_policy(*playbooks: Playbook, targets: int = 1, **governance: object) -> Policy:
    policy = make_policy(**governance)
    known = policy.subsystems.subsystems["trigger_mesh"]
    names = {f"orders-{i + 1}": TargetKind.SQLITE for i in range(targets)}
    subsystems = {"trigger_mesh": known.model_copy(update={"targets": names})}
    return policy.model_copy(
        update={
            "playbooks": Playbooks(playbooks=playbooks or (playbook(),)),
            "subsystems": policy.subsystems.model_copy(update={"subsystems": subsystems}),
        }
    )


def healing_world(policy: Policy | None = None, author: str = "alice") -> World:
    """File a healing mission that somebody with write permission started."""
    world = World(policy=policy or healing_policy())
    return world.file(healing_body(), author=author)


def healing_body() -> str:
    kind = "### Mission type\n\nhealing\n\n### Severity"
    return issue_body(candidates=0).replace("### Severity", kind)


def order_of(world: World) -> fx.OfferRun:
    """Return the newest order for a run."""
    return [e for e in world.done if isinstance(e, fx.OfferRun)][-1]


def told(world: World, state: RunState, number: int = 0, **fields: object) -> ev.RunReported:
    at = world.now
    report = RunReport.model_validate(
        {
            "id": order_of(world).order.id,
            "number": number,
            "runner": "db-1",
            "state": state,
            "sentence": f"it is {state.value}",
            "steps": (done("look", at),),
            "at": at,
            **fields,
        }
    )
    return ev.RunReported(report=report)


def done(name: str, at: object, state: StepState = StepState.DONE) -> StepReport:
    return StepReport.model_validate(
        {"step": name, "state": state, "sentence": "so it is", "started_at": at, "ended_at": at}
    )


def say(world: World, state: RunState, number: int = 0, **fields: object) -> World:
    """Let the runner say how the run stands."""
    world.deliver(told(world, state, number, **fields))
    return world.settle()


def watch(world: World, rounds: int = 9) -> World:
    """Let the window go by."""
    for _ in range(rounds):
        if world.mission.phase is not Phase.OBSERVING:
            break
        world.tick(10)
    return world


def healing_stories() -> Iterator[World]:
    """Take every way that only a healing mission takes."""
    yield watch(say(healing_world(), RunState.HEALED))
    worse = say(healing_world(), RunState.HEALED)
    worse.values[METRIC] = 900.0
    yield say(watch(worse), RunState.UNDONE)
    yield say(healing_world(), RunState.NOT_HEALED)
