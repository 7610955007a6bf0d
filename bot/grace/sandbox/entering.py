"""The program that goes ahead of a sandboxed command: `python -I -S entering.py FD`.

It needs the standard library alone, for it runs as a file of its own. From FD it reads a JSON
object, sets the bounds that the kernel keeps for each process, leaves the caller's keyring, and
becomes bubblewrap, or the command itself, or the parent of namespaces that it makes with the
kernel's own calls. On the descriptor `status` it tells `{"child-pid": N}`, then waits for a byte
on `block`, and at the end tells `{"exit-code": N}`, as bubblewrap's `--json-status-fd` does.

Sources: unshare(2), user_namespaces(7), mount(2), mount_setattr(2), pivot_root(2),
capabilities(7), prctl(2), keyctl(2), netdevice(7).
"""

import ctypes
import json
import os
import platform
import resource
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_NEW_NS: Final = 0x00020000
_NEW_CGROUP: Final = 0x02000000
_NEW_UTS: Final = 0x04000000
_NEW_IPC: Final = 0x08000000
_NEW_USER: Final = 0x10000000
_NEW_PID: Final = 0x20000000
_NEW_NET: Final = 0x40000000

_RDONLY: Final = 1
_NOSUID: Final = 2
_NODEV: Final = 4
_NOEXEC: Final = 8
_REMOUNT: Final = 32
_BIND: Final = 4096
_REC: Final = 16384
_PRIVATE: Final = 1 << 18
_DETACH: Final = 2

_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000
_CALL_MOUNT_SETATTR: Final = 442
_KEYCTL: Final = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}
_JOIN_SESSION: Final = 1

_SET_PDEATHSIG: Final = 1
_CAPBSET_DROP: Final = 24
_SET_NO_NEW_PRIVS: Final = 38
_CAP_AMBIENT: Final = 47
_CAP_AMBIENT_CLEAR_ALL: Final = 4
_CAPABILITY_VERSION_3: Final = 0x20080522
_LAST_CAPABILITY: Final = 63

_GET_FLAGS: Final = 0x8913
_SET_FLAGS: Final = 0x8914
_IFF_UP: Final = 1

_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
NOT_STARTED: Final = 127

_What = tuple[str | None, str, str | None]
Told = Mapping[str, Any]  # JSON that the caller of this program writes


def main(fd: int) -> int:
    """Enter as told, and return the status of the command where this process outlives it."""
    with os.fdopen(fd, "rb") as file:
        told: Told = json.load(file)
    for passed in (told["status"], told["block"]):
        os.set_inheritable(passed, False)
    for name, value in told["limits"].items():
        _bound(getattr(resource, name), value)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and children inherit
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o022)
    libc = ctypes.CDLL(None, use_errno=True)
    _die_with_parent(libc)
    _leave_keyring(libc)
    match told["strength"]:
        case "bubblewrap":
            _become_bubblewrap(told)
        case "unshare":
            return _outlive(libc, told)
        case _:
            _tell(told, {"child-pid": os.getpid()})
            _wait(told)
            os.chdir(told["cwd"])
            _become(told)
    return NOT_STARTED


def _bound(kind: int, value: int) -> None:
    """Set a limit, or leave the one that is lower already."""
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _become_bubblewrap(told: Told) -> None:
    """Replace this process; the options stand in a file that only bubblewrap reads."""
    options = os.memfd_create("options", 0)
    os.write(options, b"".join(os.fsencode(o) + b"\0" for o in told["options"]))
    os.lseek(options, 0, os.SEEK_SET)
    for passed in (told["status"], told["block"]):
        os.set_inheritable(passed, True)
    fds = ("--json-status-fd", str(told["status"]), "--block-fd", str(told["block"]))
    argv = ("bwrap", "--args", str(options), *fds, "--", *told["argv"])
    os.execve(told["bwrap"], argv, {})  # noqa: S606 - what this program is for


def _become(told: Told) -> None:
    """Replace this process with the command, or say why it did not start."""
    env: dict[str, str] = told["env"]
    argv: list[str] = told["argv"]
    try:
        os.execvpe(argv[0], argv, env)  # noqa: S606 - what this program is for
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(NOT_STARTED)


def _outlive(libc: ctypes.CDLL, told: Told) -> int:
    """Make the namespaces, have a child live in them as their first process, and await its end."""
    uid, gid = os.geteuid(), os.getegid()
    flags = _NEW_USER | _NEW_NS | _NEW_PID | _NEW_IPC | _NEW_UTS | _NEW_CGROUP
    with suppress(PermissionError):
        os.setgroups([])
    try:
        _call(libc.unshare(flags | (0 if told["network"] else _NEW_NET)), "unshare")
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    except OSError as error:
        _tell(told, {"error": f"user namespaces: {error.strerror}"})
        return NOT_STARTED
    _die_with_parent(libc)
    ready, say = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ready)
        try:
            _die_with_parent(libc)
            _furnish(libc, told)
        except OSError as error:
            os.write(say, f"{error.filename or ''} {error.strerror}".encode())
            os._exit(NOT_STARTED)
        os.close(say)
        _first(told)
    os.close(say)
    with os.fdopen(ready, "rb") as file:
        wrong = file.read().decode(errors="replace")
    _tell(told, {"error": wrong} if wrong else {"child-pid": child})
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not wrong and status >= 0:
        _tell(told, {"exit-code": status})
    return status if status >= 0 else 128 - status


def _first(told: Told) -> None:
    """Be process 1 of the namespaces: start the command, reap, and end all with it."""
    os.close(told["status"])
    _wait(told)
    command = os.fork()
    if command == 0:
        os.setsid()
        _become(told)
    for fd in (0, 1, 2):
        os.close(fd)
    while True:
        pid, ended = os.wait()
        if pid == command:
            status = os.waitstatus_to_exitcode(ended)
            os._exit(status if status >= 0 else 128 - status)


def _furnish(libc: ctypes.CDLL, told: Told) -> None:
    """Build the root that the command sees, move into it, and give up what that needed."""
    _mount(libc, (None, "/", None), _REC | _PRIVATE)
    if not told["network"]:
        _raise_loopback()
    socket.sethostname("sandbox")
    Path("/proc/sys/user/max_user_namespaces").write_text("0", encoding="ascii")
    # The old root stays at /old until all is mounted: a source may lie below any place.
    _mount(libc, ("tmpfs", "/tmp", "tmpfs"), _NOSUID | _NODEV, "size=1m,mode=755")  # noqa: S108 - hidden below
    os.chdir("/tmp")  # noqa: S108 - the same
    os.mkdir("new")  # noqa: PTH102 - relative to the root that is being made
    os.mkdir("old")  # noqa: PTH102 - the same
    _call(libc.pivot_root(b".", b"old"), "pivot_root")
    os.chdir("/")
    _mount(libc, ("tmpfs", "/new", "tmpfs"), _NOSUID | _NODEV, "size=4m,mode=755")
    _mount_devices(libc)
    for kind, at, source in told["mounts"]:
        _place(libc, kind, at, source)
    _make("/new/proc", folder=True)
    safe = _NOSUID | _NODEV | _NOEXEC
    with suppress(PermissionError):  # in a container that hides parts of /proc, there is none
        _mount(libc, ("proc", "/new/proc", "proc"), safe | _RDONLY)
    _mount(libc, (None, "/new/dev", None), _REMOUNT | _BIND | _RDONLY | _NOSUID | _NOEXEC)
    _mount(libc, (None, "/new", None), _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)
    os.chdir("/new")
    _call(libc.umount2(b"/old", _DETACH), "umount")
    _call(libc.pivot_root(b".", b"."), "pivot_root")
    _call(libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")
    os.chdir(told["cwd"])
    _give_up_capabilities(libc)


def _mount_devices(libc: ctypes.CDLL) -> None:
    _make("/new/dev", folder=True)
    _mount(libc, ("tmpfs", "/new/dev", "tmpfs"), _NOSUID | _NOEXEC, "size=1m,mode=755")
    for name in _DEVICES:
        _make(f"/new/dev/{name}", folder=False)
        _mount(libc, (f"/old/dev/{name}", f"/new/dev/{name}", None), _BIND)
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        Path(f"/new/dev/{name}").symlink_to(f"/proc/self/{target}")
    _make("/new/dev/pts", folder=True)
    options = "newinstance,ptmxmode=0666,mode=620"
    _mount(libc, ("devpts", "/new/dev/pts", "devpts"), _NOSUID | _NOEXEC, options)
    Path("/new/dev/ptmx").symlink_to("pts/ptmx")


def _place(libc: ctypes.CDLL, kind: str, at: str, source: str) -> None:
    """Make one mount of the list; whatever is not to be written is read-only with all below it."""
    target, old = f"/new{at}", f"/old{source}"
    match kind:
        case "link":
            Path(target).symlink_to(source)
        case "scratch":
            _make(target, folder=True)
            _mount(libc, ("tmpfs", target, "tmpfs"), _NOSUID | _NODEV, f"size={source},mode=700")
        case _:
            old = _followed(old)
            _make(target, folder=Path(old).is_dir())
            _mount(libc, (old, target, None), _BIND | _REC)
            _restrict(libc, target, _NOSUID | _NODEV | (_RDONLY if kind == "read" else 0))


def _followed(old: str) -> str:
    """Follow links as they stand in the old root, which has moved."""
    for _ in range(40):
        path = Path("/old")
        for part in Path(old).relative_to("/old").parts:
            path /= part
            if path.is_symlink():
                target = os.readlink(path)  # noqa: PTH115 - as it stands
                rest = Path(old).relative_to(path)
                begin = Path("/old") if target.startswith("/") else path.parent
                old = os.path.normpath(f"{begin}/{target}/{rest}")
                break
        else:
            return old
    raise OSError(40, "too many links", old)


def _make(path: str, *, folder: bool) -> None:
    """Make a mount point where there is none."""
    place = Path(path)
    if folder:
        place.mkdir(parents=True, exist_ok=True)
    elif not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()


def _restrict(libc: ctypes.CDLL, target: str, flags: int) -> None:
    """Set flags on a mount and on all mounts below it (Linux 5.12)."""
    attr = struct.pack("QQQQ", flags, 0, 0, 0)
    done = libc.syscall(
        _CALL_MOUNT_SETATTR, _AT_FDCWD, target.encode(), _AT_RECURSIVE, attr, len(attr)
    )
    _call(done, target)


def _mount(libc: ctypes.CDLL, what: _What, flags: int, data: str = "") -> None:
    """Mount: the source, the target and the kind of file system, None where there is none."""
    given = [None if each is None else os.fsencode(each) for each in what]
    done = libc.mount(*given, ctypes.c_ulong(flags), os.fsencode(data) or None)
    _call(done, what[1])


def _give_up_capabilities(libc: ctypes.CDLL) -> None:
    """Drop every capability for good: set-user-ID programs give none back."""
    for number in range(_LAST_CAPABILITY + 1):
        libc.prctl(_CAPBSET_DROP, number, 0, 0, 0)  # fails past the last that the kernel knows
    _call(libc.prctl(_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "prctl")
    _call(libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _call(libc.capset(header, struct.pack("6I", *(0,) * 6)), "capset")


def _raise_loopback() -> None:
    import fcntl  # noqa: PLC0415 - of use in this one case

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        asked = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(plain, _GET_FLAGS, asked))[1]
        fcntl.ioctl(plain, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def _die_with_parent(libc: ctypes.CDLL) -> None:
    _call(libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def _leave_keyring(libc: ctypes.CDLL) -> None:
    """Join an empty session keyring, so that no key of the caller's is at hand."""
    number = _KEYCTL.get(platform.machine())
    if number is not None:
        libc.syscall(number, _JOIN_SESSION, None)  # a kernel without keyrings has none to leave


def _tell(told: Told, what: Mapping[str, object]) -> None:
    os.write(told["status"], json.dumps(what).encode() + b"\n")


def _wait(told: Told) -> None:
    """Wait for the caller's word; without it, for it has died, end."""
    if not os.read(told["block"], 1):
        os._exit(NOT_STARTED)
    os.close(told["block"])


def _call(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
