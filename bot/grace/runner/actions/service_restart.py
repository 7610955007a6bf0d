"""Restart the members of a service one after another, and stop at the first that is not well."""

from collections.abc import Mapping

from grace.domain.playbooks.action import ActionSpec, Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.http_client import ask
from grace.runner.actions.process_memory import rss_mb
from grace.runner.actions.service_identity import identify_target
from grace.runner.actions.service_members import Member, Members, OpenMembers, address_of
from grace.runner.actions.service_target import (
    Notes,
    nothing_to_undo,
    number,
    setting,
    text,
    wait_until,
)


class RollingRestart:
    """What ran before is noted, with the mark of its start: who has another mark was restarted."""

    def __init__(self, spec: ActionSpec, members: OpenMembers) -> None:
        self.spec = spec
        self._open = members

    def identify(self, situation: Situation) -> None:
        identify_target(situation)

    def look(self, situation: Situation) -> Found:
        self._refuse_without_leak(situation)
        begun = Notes(situation).read()
        if begun:
            return Found(holds=False, sentence=f"goes on restarting {', '.join(begun)}")
        running = _running(self._open(situation))
        if not running:
            raise ActionFailed("none of its processes runs, so that there is nothing to restart")
        names = ", ".join(running)
        return Found(holds=False, sentence=f"would restart {names}, one after another")

    def act(self, situation: Situation) -> Found:
        self._refuse_without_leak(situation)
        members, notes = self._open(situation), Notes(situation)
        before = notes.read()
        if not before:
            before = {name: str(member.mark) for name, member in _running(members).items()}
            if not before:
                raise ActionFailed("none of its processes runs: nothing was restarted")
            notes.write(**before)
        for place, (name, mark) in enumerate(before.items()):
            now = members.listed().get(name)
            if now is None:
                raise ActionFailed(f"{name} is not there any more")
            try:
                if now.mark is None or now.mark == mark:
                    members.restart(name)
                self._wait(situation, members, name)
            except ActionFailed as failed:
                left = len(before) - place - 1
                raise ActionFailed(
                    f"{failed.sentence}; {left} of {len(before)} were not restarted"
                ) from failed
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        before = Notes(situation).read()
        if not before:
            return Found(holds=False, sentence="nothing was restarted")
        now = self._open(situation).listed()
        old = [n for n, mark in before.items() if n not in now or now[n].mark in (None, mark)]
        if old:
            return Found(holds=False, sentence=f"{', '.join(old)} was not restarted")
        for name in before:
            if not is_healthy(situation, name):
                return Found(holds=False, sentence=f"{name} is not healthy")
        return self._measured(situation, before, now)

    def undo(self, situation: Situation) -> Found:
        return nothing_to_undo(situation)

    def _measured(
        self, situation: Situation, before: Mapping[str, Scalar], now: Mapping[str, Member]
    ) -> Found:
        values: dict[str, Scalar] = {"restarted": len(before)}
        words = f"{len(before)} were restarted and are well"
        evidence = self._evidence(situation)
        if evidence is None:
            return Found(holds=True, sentence=words, values=values)
        had = float(evidence["rss_mb"])
        has = sum(rss_mb(now[name].pid) for name in before)
        values["rss_mb"] = round(has, 1)
        words = f"{words}; they use {has:.0f} MB, before it was {had:.0f} MB"
        return Found(holds=has < had, sentence=words, values=values)

    def _evidence(self, situation: Situation) -> Mapping[str, Scalar] | None:
        step = text(situation, "evidence") if self.spec.param("evidence") else ""
        return situation.found.get(step, {}) if step else None

    def _refuse_without_leak(self, situation: Situation) -> None:
        evidence = self._evidence(situation)
        if evidence is not None and evidence.get("leaking") is not True:
            raise ActionFailed("no step found a leak, so that nothing is restarted")

    def _wait(self, situation: Situation, members: Members, name: str) -> None:
        wait_until(
            situation,
            number(situation, "healthy_seconds"),
            f"{name} did not become healthy",
            lambda: members.listed()[name].up and is_healthy(situation, name),
        )


def _running(members: Members) -> dict[str, Member]:
    return {name: each for name, each in members.listed().items() if each.mark is not None}


def is_healthy(situation: Situation, name: str) -> bool:
    """Ask the target's `health_url`; without one, running is healthy."""
    pattern = setting(situation, "health_url", "")
    if not pattern:
        return True
    try:
        return ask(situation, address_of(name, pattern), seconds=5).well
    except ActionFailed:
        return False
