"""Child processes of a CI job: an own group, and an end."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

SHELL = ("bash", "-eo", "pipefail", "-c")
_STOP_S = 5.0
_NEVER_PASSED_ON = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")


def child_env(env: Mapping[str, str], **more: str) -> dict[str, str]:
    """Return the environment for code under test: without the right to ask for an OIDC token."""
    kept = {key: value for key, value in env.items() if key not in _NEVER_PASSED_ON}
    return {**kept, **more}


@contextmanager
def running(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: IO[bytes] | None = None,
    stderr: IO[bytes] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process in its own group; at the end ask the group to stop, then make it.

    It writes to this process's own output where no other is given.
    """
    process = subprocess.Popen(
        argv, cwd=cwd, env=dict(env), start_new_session=True, stdout=stdout, stderr=stderr
    )
    try:
        yield process
    finally:
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
        _signal_group(process.pid, signal.SIGKILL)


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
