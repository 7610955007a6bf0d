"""What a run in the sandbox gets, says and leaves, in each kind of sandbox."""

import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest
from pydantic import ValidationError

from grace.sandbox import Bounds, SandboxError, Shown, Spec, Strength, interpreter, run, strength
from grace.sandbox.running import run_as

BOT = str(Path(__file__).parents[2] / "bot")
# The second kind has the same tests, and the stress runs the time for them.
SECOND = pytest.param(Strength.UNSHARE, marks=pytest.mark.stress)
IN_A_SANDBOX = (Strength.BUBBLEWRAP, SECOND)


def sh(command: str, folder: Path, **more: object) -> Spec:
    given = {"writable": (folder,), "bounds": Bounds(wall_s=20), **more}
    return Spec(argv=("sh", "-c", command), cwd=folder, **given)


@pytest.fixture(params=(Strength.BUBBLEWRAP, SECOND, Strength.BARE))
def kind(request) -> Strength:
    try:
        run_as(request.param, Spec(argv=("true",), cwd=Path("/")))
    except SandboxError as error:
        pytest.skip(str(error))
    return request.param


def test_a_run_tells_its_status_and_both_its_streams(kind, tmp_path):
    seen: list[bytes] = []
    spec = sh("cat; echo out; echo err >&2; echo left > file; exit 3", tmp_path, stdin=b"in ")
    ended = run_as(kind, spec, sink=seen.append)
    assert (ended.status, ended.why, ended.succeeded) == (3, "exit", False)
    assert (ended.stdout, ended.stderr) == (b"in out\n", b"err\n")
    assert sorted(b"".join(seen)) == sorted(b"in out\nerr\n")
    assert (tmp_path / "file").read_text() == "left\n"
    assert ended.sentence(spec.bounds) == "It ended with status 3."


def test_a_command_that_a_signal_ends_says_so(kind, tmp_path):
    ended = run_as(kind, sh("kill -TERM $$", tmp_path))
    assert (ended.status, ended.why) == (143, "signal")
    assert ended.sentence(Bounds()) == "It was ended by the signal 15."


def test_a_command_that_is_not_there_is_no_success(kind, tmp_path):
    ended = run_as(kind, Spec(argv=("no-such-command",), cwd=tmp_path, writable=(tmp_path,)))
    assert not ended.succeeded
    assert b"no-such-command" in ended.stderr


def test_much_goes_in_and_out_at_once(kind, tmp_path):
    data = os.urandom(1024) * 2048
    assert run_as(kind, sh("cat", tmp_path, stdin=data)).stdout == data
    assert run_as(kind, sh("exec <&-; echo done", tmp_path, stdin=data)).stdout == b"done\n"


def test_a_stream_that_is_closed_early_ends_nothing(kind, tmp_path):
    ended = run_as(kind, sh("exec >&- 2>&-; sleep 0.2; echo late > file", tmp_path))
    assert ended.succeeded
    assert (tmp_path / "file").exists()


def test_the_environment_is_what_is_given(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("CALLERS", "own")
    said = run_as(kind, sh("env", tmp_path, env={"GIVEN": "1", "PATH": "/usr/bin:/bin"})).stdout
    names = {line.split("=")[0] for line in said.decode().splitlines()}
    assert {"GIVEN", "HOME", "TMPDIR", "LANG", "PATH"} <= names
    assert names <= {"GIVEN", "HOME", "TMPDIR", "LANG", "PATH", "PWD", "OLDPWD", "SHLVL", "_"}


def test_bounds_of_time_and_output_hold_everywhere(kind, tmp_path):
    hang = run_as(kind, sh("sleep 60", tmp_path, bounds=Bounds(wall_s=0.3)))
    assert (hang.why, hang.status) == ("time", None)
    bounds = Bounds(wall_s=20, output_bytes=5000)
    loud = run_as(kind, sh("yes & yes >&2 & wait", tmp_path, bounds=bounds))
    assert loud.why == "output"
    assert len(loud.stdout) + len(loud.stderr) == 5000


def test_a_place_is_shown_where_it_is_wanted(kind, tmp_path):
    (tmp_path / "copy/d").mkdir(parents=True)
    at = tmp_path / "checkout"
    spec = Spec(
        argv=("sh", "-c", "pwd; echo x > here"),
        cwd=at / "d",
        shown=(Shown(at=at, source=tmp_path / "copy", writable=True),),
    )
    ended = run_as(kind, spec)
    assert ended.succeeded, ended.stderr
    seen = tmp_path / "copy/d" if kind is Strength.BARE else at / "d"
    assert ended.stdout.decode().strip() == str(seen)
    assert (tmp_path / "copy/d/here").exists()
    assert not at.exists()


@pytest.mark.parametrize("kind", IN_A_SANDBOX)
def test_a_readable_place_within_a_writable_one_is_not_written(kind, tmp_path):
    (tmp_path / ".git").mkdir()
    spec = sh("echo x > a; echo x > .git/a; rm -rf .git", tmp_path, readable=(tmp_path / ".git",))
    assert not run_as(kind, spec).succeeded
    assert (tmp_path / "a").exists()
    assert list((tmp_path / ".git").iterdir()) == []


@pytest.mark.parametrize("kind", IN_A_SANDBOX)
def test_a_socket_that_is_named_is_reached_and_the_network_where_it_is_allowed(kind, tmp_path):
    (tmp_path / "in").mkdir()
    code = (
        "import socket, sys\ns = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "print(s.recv(9)); socket.create_connection(('127.0.0.1', int(sys.argv[2])), 5)"
    )
    with socket.socket(socket.AF_UNIX) as ours, socket.create_server(("127.0.0.1", 0)) as net:
        ours.bind(str(tmp_path / "socket"))
        ours.listen()
        given = (str(tmp_path / "socket"), str(net.getsockname()[1]))

        def greet() -> None:
            while True:
                try:
                    with ours.accept()[0] as caller:
                        caller.sendall(b"hello")
                except OSError:
                    return

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        spec = Spec(
            argv=(sys.executable, "-S", "-c", code, *given),
            cwd=tmp_path / "in",
            writable=(tmp_path / "in",),
            readable=interpreter(),
            sockets=(tmp_path / "socket",),
        )
        shut = run_as(kind, spec)
        open_ = run_as(kind, spec.model_copy(update={"network": True}))
        ours.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert b"hello" in shut.stdout
    assert b"refused" in shut.stderr
    assert open_.succeeded, open_.stderr


def _is_locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


@pytest.mark.parametrize("kind", IN_A_SANDBOX)
def test_with_its_caller_a_run_ends(kind, tmp_path):
    """The caller is killed outright, while a daemon of the run holds a lock."""
    code = (
        "import sys, pathlib; from grace.sandbox import Spec, Strength\n"
        "from grace.sandbox.running import run_as\n"
        "p = pathlib.Path(sys.argv[1])\n"
        "hold = 'exec 9>lock; flock 9; echo held > held; setsid sleep 60 & sleep 60'\n"
        "run_as(Strength(sys.argv[2]), Spec(argv=('sh', '-c', hold), cwd=p, writable=(p,)))"
    )
    argv = [sys.executable, "-c", code, str(tmp_path), kind.value]
    with subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": BOT}) as caller:
        until = time.monotonic() + 20
        while not (tmp_path / "held").exists():
            assert time.monotonic() < until
            select.select([], [], [], 0.02)
        caller.send_signal(signal.SIGKILL)
    with (tmp_path / "lock").open() as file:
        while _is_locked(file):
            assert time.monotonic() < until
            select.select([], [], [], 0.02)


def test_runs_at_the_same_time_do_not_disturb_each_other(tmp_path):
    folders = [tmp_path / str(n) for n in range(6)]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(lambda f: run(sh(f"echo {f.name} | tee file", f)).stdout, folders))
    assert said == [f"{n}\n".encode() for n in range(6)]


def test_a_container_that_hides_parts_of_proc_has_a_sandbox_with_its_bounds(tmp_path):
    if strength() is Strength.BARE:
        pytest.skip("there is no sandbox here")
    code = (
        "import json, sys, pathlib; from grace.sandbox import Bounds, Spec, run, strength\n"
        "p = pathlib.Path(sys.argv[1])\n"
        "bomb = 'for i in 1 2 3 4 5 6 7 8 9; do sleep 60 & done; wait'\n"
        "s = Spec(argv=('sh', '-c', bomb), cwd=p, writable=(p,), bounds=Bounds(wall_s=20, processes=8))\n"
        "print(json.dumps([strength().value, run(s).why]))"
    )
    as_root = ("--cap-add", "CAP_SETFCAP") if os.getuid() == 0 else ()
    outer = (
        *("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-pid"),
        *("--bind", str(tmp_path), str(tmp_path), "--ro-bind", "/dev/null", "/proc/version"),
        *("--tmpfs", "/tmp", "--bind", str(tmp_path), str(tmp_path)),
        # The interpreter and our code, which may lie under /tmp themselves.
        *(a for place in (sys.prefix, BOT) for a in ("--ro-bind", place, place)),
        *("--cap-drop", "ALL", *as_root),
    )
    argv = [*outer, "--", sys.executable, "-c", code, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": BOT}
    try:
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no bubblewrap to build such a container with")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["unshare", "processes"]


def test_what_is_missing_or_belongs_to_the_system_is_refused(tmp_path):
    with pytest.raises(SandboxError, match=r"There is no .*gone to show"):
        run_as(Strength.UNSHARE, sh("true", tmp_path, readable=(tmp_path / "gone",)))
    for wrong in ("/etc", "/", "relative", "/a/../b"):
        with pytest.raises(ValidationError, match=r"plain form|belongs to the system"):
            Spec(argv=("true",), cwd=tmp_path, writable=(Path(wrong),))


def test_a_bound_is_said_in_a_sentence():
    bounds = Bounds(wall_s=2, cpu_s=3, memory_bytes=2**31, processes=4, output_bytes=2048)
    ended = run_as(Strength.BARE, Spec(argv=("true",), cwd=Path("/")))
    said = {
        why: ended.model_copy(update={"why": why}).sentence(bounds)
        for why in ("time", "cpu", "memory", "output", "disk", "processes")
    }
    assert said == {
        "time": "It did not end within 2 s.",
        "cpu": "It used more than 3 s of processor time.",
        "memory": "It used more than 2 GiB of memory.",
        "output": "It printed more than 2 KiB.",
        "disk": "It wrote more than 1 GiB.",
        "processes": "It ran 4 processes or more at a time.",
    }
