"""Restart and scale a group of supervisord."""

from grace.runner.actions.service_restart import RollingRestart
from grace.runner.actions.service_scale import ScaleOut
from grace.runner.actions.service_target import spec_of
from grace.runner.actions.supervisord_members import SupervisedGroup


class SupervisordRestart(RollingRestart):
    def __init__(self) -> None:
        super().__init__(spec_of("supervisord.restart"), SupervisedGroup)


class SupervisordScale(ScaleOut):
    def __init__(self) -> None:
        super().__init__(spec_of("supervisord.scale"), SupervisedGroup)
