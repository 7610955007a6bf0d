"""What a sandboxed command sees of the file system: a list of mounts, in the order they are made.

Both ways to make a sandbox follow the same list, so that they show the same.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from grace.sandbox.model import SandboxError, Spec

HOME: Final = "/home/sandbox"
TMP: Final = "/tmp"  # noqa: S108 - the sandbox's own
SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Kind = Literal["read", "write", "link", "scratch"]

_FOLDERS: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# What programs need of /etc to start, to know the time and to check certificates; no more of it.
_ETC: Final = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
)


@dataclass(frozen=True, slots=True)
class Mount:
    """One step: `source` is shown at `at`; of a link it is the target, of scratch the bytes."""

    kind: Kind
    at: str
    source: str


def mounts(spec: Spec, made: Path) -> tuple[Mount, ...]:
    """List the mounts of a run; `made` holds the few files of /etc that are written for it.

    Raises `SandboxError` where a place that the run needs is missing.
    """
    room = min(spec.bounds.memory_bytes, spec.bounds.disk_bytes)
    system = [*map(_system, filter(os.path.lexists, _FOLDERS))]
    etc = [Mount("read", path, path) for path in _ETC if Path(path).exists()]
    etc += [Mount("read", f"/etc/{path.name}", str(path)) for path in sorted(made.iterdir())]
    if spec.network and Path("/etc/resolv.conf").exists():
        etc.append(Mount("read", "/etc/resolv.conf", os.path.realpath("/etc/resolv.conf")))
    scratch = [
        Mount("scratch", TMP, str(room // 2)),
        Mount("scratch", HOME, str(room // 4)),
        Mount("scratch", "/dev/shm", str(room // 4)),  # noqa: S108 - the sandbox's own
    ]
    return (*system, *etc, *scratch, *_given(spec))


def interpreter() -> tuple[Path, ...]:
    """List what must be readable for this very Python, wherever it is installed, to run inside."""
    places = {Path(place) for place in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    places.add(Path(sys.executable).resolve().parent.parent)
    return tuple(sorted(p for p in places if not p.is_relative_to("/usr") and p != Path("/")))


def write_etc(folder: Path) -> None:
    """Write the files of /etc that name people and hosts: there are none but the run's own."""
    uid, gid = os.getuid(), os.getgid()
    folder.mkdir()
    root = "" if uid == 0 else "root:x:0:0::/:/usr/sbin/nologin\n"
    (folder / "passwd").write_text(f"{root}sandbox:x:{uid}:{gid}::{HOME}:/bin/sh\n")
    (folder / "group").write_text(f"sandbox:x:{gid}:\n")
    (folder / "hosts").write_text("127.0.0.1 localhost sandbox\n::1 localhost\n")
    folder.chmod(0o755)


def environment(spec: Spec, home: str = HOME, tmp: str = TMP) -> dict[str, str]:
    """Return the whole environment of a run."""
    own = {"PATH": SYSTEM_PATH, "HOME": home, "TMPDIR": tmp, "LANG": "C.UTF-8"}
    return own | spec.env


def outside(spec: Spec, path: Path) -> Path:
    """Return where a place as seen inside is outside, for a run that has no inside."""
    for each in spec.shown:
        if path.is_relative_to(each.at):
            return each.source / path.relative_to(each.at)
    return path


def _system(path: str) -> Mount:
    if Path(path).is_symlink():
        return Mount("link", path, os.readlink(path))  # noqa: PTH115 - as it stands, not resolved
    return Mount("read", path, path)


def _given(spec: Spec) -> list[Mount]:
    """Order the places by depth: what lies inside another is mounted after it, readable last."""
    found = [Mount("write", str(path), str(path)) for path in spec.writable]
    found += [Mount("write", str(path), str(path)) for path in spec.sockets]
    found += [
        Mount("write" if each.writable else "read", str(each.at), str(each.source))
        for each in spec.shown
    ]
    found += [Mount("read", str(path), str(path)) for path in spec.readable]
    for mount in found:
        if not Path(mount.source).exists():
            raise SandboxError(f"There is no {mount.source} to show to the command.")
    return sorted(found, key=lambda m: (len(Path(m.at).parts), m.kind == "read"))
