"""What can be wrong with a workflow or with the runner."""


class RunnerError(Exception):
    """The root of this package's errors; its text is meant for people."""


class WorkflowInvalid(RunnerError):
    """A workflow file that cannot be run, and why."""
