"""Start more members of a service, and take back what was started."""

from grace.domain.playbooks.action import ActionSpec, Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.service_identity import identify_target
from grace.runner.actions.service_members import Members, OpenMembers
from grace.runner.actions.service_restart import is_healthy
from grace.runner.actions.service_target import Notes, number, wait_until


def wanted_count(situation: Situation, now: int) -> int:
    """Say how many shall run: `processes`, or `add` more than now; `most` is the bound."""
    asked = int(number(situation, "processes")) or now + int(number(situation, "add"))
    return min(asked, int(number(situation, "most")))


class ScaleOut:
    """How many ran, and which were started, is noted before anything is started."""

    def __init__(self, spec: ActionSpec, members: OpenMembers) -> None:
        self.spec = spec
        self._open = members

    def identify(self, situation: Situation) -> None:
        identify_target(situation)

    def look(self, situation: Situation) -> Found:
        begun = Notes(situation).read()
        if begun:
            return Found(holds=False, sentence=f"goes on starting {begun['started']}")
        running, idle = _parted(self._open(situation))
        wanted = wanted_count(situation, len(running))
        counts: dict[str, Scalar] = {"running": len(running), "wanted": wanted}
        if len(running) >= wanted:
            return Found(holds=True, sentence=f"{len(running)} run", values=counts)
        _enough(idle, wanted - len(running))
        words = f"{len(running)} run; would start {', '.join(idle[: wanted - len(running)])}"
        return Found(holds=False, sentence=words, values=counts)

    def act(self, situation: Situation) -> Found:
        members, notes = self._open(situation), Notes(situation)
        if not notes.read():
            running, idle = _parted(members)
            wanted = wanted_count(situation, len(running))
            more = max(0, wanted - len(running))
            _enough(idle, more)
            notes.write(before=len(running), started=" ".join(idle[:more]))
        for name in str(notes.read()["started"]).split():
            members.start(name)
            wait_until(
                situation,
                number(situation, "healthy_seconds"),
                f"{name} did not become healthy",
                lambda name=name: (
                    members.listed()[name].up  # type: ignore[misc]
                    and is_healthy(situation, name)
                ),
            )
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        noted = Notes(situation).read()
        if not noted:
            return Found(holds=False, sentence="nothing was started")
        running, _ = _parted(self._open(situation))
        names = str(noted["started"]).split()
        holds = set(names) <= set(running) and all(is_healthy(situation, n) for n in names)
        words = f"{len(running)} run, before it was {noted['before']}"
        values: dict[str, Scalar] = {"running": len(running), "before": noted["before"]}
        return Found(holds=holds, sentence=words, values=values)

    def undo(self, situation: Situation) -> Found:
        noted = Notes(situation).read()
        members = self._open(situation)
        names = str(noted.get("started", "")).split()
        for name in names:
            members.stop(name)
        running, _ = _parted(members)
        holds = not set(names) & set(running)
        return Found(holds=holds, sentence=f"{len(running)} run again")


def _parted(members: Members) -> tuple[list[str], list[str]]:
    """List the names of those that run, and of those that do not."""
    listed = members.listed().values()
    return (
        [each.name for each in listed if each.mark is not None],
        [each.name for each in listed if each.mark is None],
    )


def _enough(idle: list[str], more: int) -> None:
    if len(idle) < more:
        raise ActionFailed(
            f"{more} more are wanted and only {len(idle)} are configured: configure more of them "
            "that do not start by themselves"
        )
