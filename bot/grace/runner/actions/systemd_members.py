"""Units of systemd, by `systemctl`."""

from collections.abc import Mapping
from pathlib import Path

from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.service_command import Program
from grace.runner.actions.service_members import Member
from grace.runner.actions.service_target import expect, expected_mark, setting, words_of

_SHOWN = "Id,LoadState,ActiveState,MainPID,InvocationID"
_RUNS = frozenset({"active", "activating", "reloading"})
_MOST_INSTANCES = 200


def systemctl_of(situation: Situation) -> Program:
    """Run `systemctl` of the system, or of the user whose `runtime_dir` is set."""
    runtime = setting(situation, "runtime_dir", "")
    words = (setting(situation, "systemctl", "systemctl"), "--user" if runtime else "--system")
    return Program(situation, words, {"XDG_RUNTIME_DIR": runtime} if runtime else {})


def identify_systemd(situation: Situation) -> None:
    """Compare the machine's id (machine-id(5)) with what is expected."""
    expected = expected_mark(situation, "expect_machine_id")
    path = Path(setting(situation, "machine_id_file", "/etc/machine-id"))
    try:
        seen = path.read_text("utf-8").strip()
    except OSError as error:
        raise ActionFailed(f"the machine's id cannot be read: {type(error).__name__}") from error
    expect("machine id", expected, seen)


class Units:
    """The target's `units`, or the instances 1, 2, 3 ... of its `template`, such as `web@`."""

    def __init__(self, situation: Situation) -> None:
        self._systemctl = systemctl_of(situation)
        template = setting(situation, "template", "")
        if template and not template.endswith("@"):
            raise ActionFailed("a template's name ends with @, such as web@")
        self._names = (
            tuple(f"{template}{place}.service" for place in range(1, _MOST_INSTANCES + 1))
            if template
            else words_of(situation, "units")
        )

    def listed(self) -> Mapping[str, Member]:
        shown = self._systemctl.run("show", f"--property={_SHOWN}", "--", *self._names)
        units = [_properties(part) for part in shown.strip().split("\n\n")]
        missing = [u.get("Id", "") for u in units if u.get("LoadState") != "loaded"]
        if missing:
            raise ActionFailed(f"systemd knows no unit {missing[0]}")
        return {member.name: member for member in map(_member, units)}

    def start(self, name: str) -> None:
        self._systemctl.run("start", "--", name, seconds=300)

    def stop(self, name: str) -> None:
        self._systemctl.run("stop", "--", name, seconds=300)

    def restart(self, name: str) -> None:
        self._systemctl.run("restart", "--", name, seconds=300)


def _properties(part: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in part.splitlines())
    return {name: value for name, _, value in pairs}


def _member(unit: Mapping[str, str]) -> Member:
    runs = unit.get("ActiveState") in _RUNS
    pid = int(unit.get("MainPID", "0") or 0)
    mark = f"{unit.get('InvocationID', '')}:{pid}" if runs else None
    return Member(unit.get("Id", ""), mark, pid if runs and pid else None)
