"""Restart and scale units of systemd."""

from grace.runner.actions.service_restart import RollingRestart
from grace.runner.actions.service_scale import ScaleOut
from grace.runner.actions.service_target import spec_of
from grace.runner.actions.systemd_members import Units


class SystemdRestart(RollingRestart):
    def __init__(self) -> None:
        super().__init__(spec_of("systemd.restart"), Units)


class SystemdScale(ScaleOut):
    def __init__(self) -> None:
        super().__init__(spec_of("systemd.scale"), Units)
