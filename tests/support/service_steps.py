"""Steps of service actions as the runner takes them, and as a kill at any line leaves them."""

import multiprocessing
import os
import sys
import time
from pathlib import Path

import grace.runner.actions
from grace.domain.playbooks.specs import ACTIONS
from grace.runner.action import Situation
from grace.runner.registry import action_named

ACTED_IN = str(Path(grace.runner.actions.__file__).parent)
NOT_KILLED, KILLED = 0, 9


def situated(action, folder, target, given=None, *, found=None, seconds=30, key="run-1/step"):
    """Describe the situation of a step; what is not given has its default."""
    spec = ACTIONS[action]
    folder.mkdir(parents=True, exist_ok=True)
    defaults = {p.name: p.default for p in spec.params if p.default is not None}
    return Situation(
        target=target,
        given={**defaults, **(given or {})},
        found=found or {},
        folder=folder,
        key=key,
        deadline=time.time() + seconds,
    )


def taken(action, situation):
    """Take a step as the runner does: identify, look, act, verify; say how it ended."""
    step = action_named(action)
    step.identify(situation)
    seen = step.look(situation)
    if seen.holds and step.spec.risk.rank != 0:
        return "needless", seen
    step.act(situation)
    step.identify(situation)
    verified = step.verify(situation)
    return ("done" if verified.holds else "not so"), verified


def resumed(action, situation):
    """Take up a step of which only its beginning is known: verify, look, and act if not so."""
    step = action_named(action)
    step.identify(situation)
    seen = step.verify(situation)
    if not seen.holds:
        seen = step.look(situation)
    if not seen.holds:
        step.act(situation)
        seen = step.verify(situation)
    return seen


def _die_at(action, situation, line):
    seen = 0

    def trace(frame, event, _):
        nonlocal seen
        if not frame.f_code.co_filename.startswith(ACTED_IN):
            return None
        if event == "line":
            seen += 1
            if seen == line:
                os._exit(KILLED)
        return trace

    step = action_named(action)
    sys.settrace(trace)
    step.act(situation)
    sys.settrace(None)


def killed_at(action, situation, line):
    """Act in a process that ends at the n-th line of ours; False: it came to its end before."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["grace.runner.actions.service_identity", "redis", "httpx", "support.service_steps"]
    )
    process = context.Process(target=_die_at, args=(action, situation, line))
    process.start()
    process.join(60)
    assert process.exitcode in {NOT_KILLED, KILLED}
    return process.exitcode == KILLED
