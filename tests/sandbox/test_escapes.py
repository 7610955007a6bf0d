"""Every escape of the table: it succeeds without a sandbox, and is refused within."""

import ctypes
import fcntl
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from grace.sandbox import Ended, SandboxError, Spec, Strength, interpreter
from grace.sandbox.running import run_as
from support.escapes import ESCAPES, SANDBOXES, Escape

SECRET = "mission-secret-4711"
ON_A_COMMAND_LINE = "mission-shown-4711"
PRELUDE = """
import ctypes, fcntl, glob, json, os, socket, subprocess, sys, tempfile, time
W = json.loads(sys.argv[1])
def won(yes):
    if yes: os.write(1, b'ESCAPED')
def read(path):
    try: return open(path, 'rb').read().decode(errors='replace')
    except OSError: return ''
"""
VICTIM = "import ctypes; ctypes.CDLL(None).prctl(0x59616d61, -1, 0, 0, 0); input()"
KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}
JOIN, SESSION = 1, -3
IPC_CREATE, IPC_REMOVE = 0o1000, 0


@pytest.fixture(scope="module")
def libc() -> ctypes.CDLL:
    found = ctypes.CDLL(None, use_errno=True)
    found.shmat.restype = ctypes.c_void_p
    return found


@pytest.fixture
def outside(tmp_path: Path, libc: ctypes.CDLL) -> Iterator[dict[str, object]]:
    """What lies outside of the sandbox, as the attempts are told it."""
    for name in ("outside", "readable", "inside"):
        (tmp_path / name).mkdir()
    (tmp_path / "outside/secret").write_text(SECRET)
    (tmp_path / "readable/file").write_text("x")
    if os.getuid() == 0:
        shutil.copy("/usr/bin/id", tmp_path / "readable/suid")
        os.chown(tmp_path / "readable/suid", 65534, -1)
        (tmp_path / "readable/suid").chmod(0o4755)
    told: dict[str, object] = {
        "secret": SECRET,
        "nwohs": ON_A_COMMAND_LINE[::-1],
        "outside": str(tmp_path / "outside"),
        "readable": str(tmp_path / "readable"),
        "abstract": f"grace-{os.getpid()}-{tmp_path.name}",
        "socket": str(tmp_path / "outside/s"),
    }
    listening = [
        _listen(socket.AF_INET, ("127.0.0.1", 0)),
        _listen(socket.AF_UNIX, "\0" + str(told["abstract"])),
        _listen(socket.AF_UNIX, str(told["socket"])),
    ]
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    plain.bind(("127.0.0.1", 0))
    threads = [threading.Thread(target=_greet, args=(s,)) for s in listening]
    threads.append(threading.Thread(target=_answer, args=(plain,)))
    for thread in threads:
        thread.start()
    told |= {"tcp": listening[0].getsockname()[1], "udp": plain.getsockname()[1]}
    victim = subprocess.Popen(
        [sys.executable, "-S", "-c", VICTIM, ON_A_COMMAND_LINE],
        env={"SECRET": SECRET},
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    fd = os.open(tmp_path / "outside/secret", os.O_RDONLY)
    os.set_inheritable(fd, True)
    segment = libc.shmget(victim.pid, 64, IPC_CREATE | 0o600)
    ctypes.memmove(libc.shmat(segment, None, 0), SECRET.encode(), len(SECRET) + 1)
    told |= {"victim": victim.pid, "fd": fd, "shm": victim.pid, **_key(libc)}
    yield told
    libc.shmctl(segment, IPC_REMOVE, None)
    os.close(fd)
    victim.kill()
    victim.communicate()
    for each in listening:
        each.shutdown(socket.SHUT_RDWR)
        each.close()
    plain.sendto(b"end", plain.getsockname())
    for thread in threads:
        thread.join()
    plain.close()


def _listen(family: int, address: object) -> socket.socket:
    found = socket.socket(family)
    found.bind(address)
    found.listen()
    return found


def _greet(listening: socket.socket) -> None:
    while True:
        try:
            caller, _ = listening.accept()
        except OSError:
            return
        with caller:
            caller.sendall(b"hello")


def _answer(plain: socket.socket) -> None:
    while True:
        asked, who = plain.recvfrom(9)
        if asked == b"end":
            return
        plain.sendto(b"hello", who)


def _key(libc: ctypes.CDLL) -> dict[str, object]:
    """Put a secret into a session keyring of this process."""
    add, keyctl = KEYCTL.get(platform.machine(), (0, 0))
    if not add or libc.syscall(keyctl, JOIN, None) < 0:
        return {"keyctl": 0, "key": ""}
    libc.syscall(add, b"user", b"grace-test", SECRET.encode(), len(SECRET), SESSION)
    return {"keyctl": keyctl, "key": "grace-test"}


def attempt(escape: Escape, outside: dict[str, object], nap: float) -> tuple[str, ...]:
    told = json.dumps({**outside, "nap": nap})
    return (sys.executable, "-S", "-c", PRELUDE + escape.code, told)


def left_behind(folder: Path) -> bool:
    """Whether a process still holds the lock that only the daemon takes."""
    if not (folder / "lock").exists():
        return False
    with (folder / "lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def without(escape: Escape, tmp_path: Path, outside: dict[str, object]) -> bool:
    """Try without a sandbox, and end what is left of it; tell whether it succeeded."""
    place = tmp_path / "control"
    place.mkdir()
    with (tmp_path / "said").open("w+b") as said:
        done = subprocess.Popen(
            attempt(escape, outside, 0.01),
            cwd=place,
            env={"SECRET": SECRET},
            close_fds=False,
            stdout=said,
            start_new_session=True,
        )
        done.wait(20)
        if left_behind(place):
            os.write(said.fileno(), b"ESCAPED")
        with suppress(ProcessLookupError):
            os.killpg(done.pid, signal.SIGKILL)
        if (place / "lock").exists():
            os.kill(int((place / "lock").read_text()), signal.SIGKILL)
        said.seek(0)
        return said.read().endswith(b"ESCAPED")


def within(strength: Strength, escape: Escape, tmp_path: Path, outside: dict[str, object]) -> Ended:
    spec = Spec(
        argv=attempt(escape, outside, 30),
        cwd=tmp_path / "inside",
        writable=(tmp_path / "inside",),
        readable=(tmp_path / "readable", *interpreter()),
        bounds=escape.bounds,
    )
    try:
        return run_as(strength, spec)
    except SandboxError as error:
        pytest.skip(f"no {strength} here: {error}")


# Each costs a tenth of a second: of the second kind of sandbox, and of the costly ones, these stand
# for the others outside of the stress runs.
SAMPLE = {"tcp", "daemon"}
COSTLY = {"spin", "memory-at-once", "memory", "scratch", "unreadable-folder", "large-file", "udp"}
CASES = [
    pytest.param(
        each,
        strength,
        id=f"{each.name}-{strength}",
        marks=()
        if each.name in SAMPLE or (strength is SANDBOXES[0] and each.name not in COSTLY)
        else pytest.mark.stress,
    )
    for each in ESCAPES
    for strength in SANDBOXES
]


@pytest.mark.parametrize(("escape", "strength"), CASES)
def test_an_escape_is_refused_within_that_succeeds_without(
    escape, strength, tmp_path, outside, monkeypatch
):
    if escape.needs_root and os.getuid() != 0:
        pytest.skip("without a sandbox too, only root could")
    monkeypatch.setenv("SECRET", SECRET)
    ended = within(strength, escape, tmp_path, outside)
    assert b"ESCAPED" not in ended.stdout
    assert not left_behind(tmp_path / "inside")
    assert ended.why == escape.why, ended.stderr
    if not without(escape, tmp_path, outside):
        assert escape.may_be_refused
        pytest.skip("this machine refuses it without a sandbox too")


def run_as_nobody(python: str, paths: list[str], folder: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"),
            *(python, "-m", "pytest", "-q", "-m", "stress or not stress", str(Path(__file__))),
            *("--basetemp", f"{folder}/base", "-rs"),
        ],
        cwd=Path(__file__).parents[2],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(paths), "HOME": folder},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.stress
def test_every_escape_is_refused_to_an_unprivileged_user_too():
    if os.getuid() != 0:
        pytest.skip("these tests run as one already")
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    version = "import sys; print(sys.version_info[:2] == tuple(map(int, sys.argv[1:])))"
    same = [str(part) for part in sys.version_info[:2]]
    if python is None or "True" not in subprocess.check_output(
        [python, "-c", version, *same], text=True
    ):
        pytest.skip("there is no such Python that other users may run")
    paths = [str(Path(pytest.__file__).parents[1]), str(Path(__file__).parents[2] / "bot")]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        done = run_as_nobody(python, paths, folder)
    assert done.returncode == 0, done.stdout[-3000:]
    assert f"{2 * (len(ESCAPES) - sum(e.needs_root for e in ESCAPES))} passed" in done.stdout
