"""The arguments of bubblewrap for a run."""

from collections.abc import Sequence

from grace.sandbox.places import Mount

# Needs --size (0.7) and --disable-userns (0.8): an older one is not used.
_ALONE = (
    *("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--disable-userns", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
    *("--hostname", "sandbox"),
)


def arguments(
    mounts: Sequence[Mount], env: dict[str, str], cwd: str, *, network: bool
) -> tuple[str, ...]:
    """Return the options, without the command: everything is read-only that no mount allows."""
    args = [*_ALONE, *(() if network else ("--unshare-net",))]
    args += ["--proc", "/proc", "--dev", "/dev"]
    for mount in mounts:
        match mount.kind:
            case "read":
                args += ["--ro-bind", mount.source, mount.at]
            case "write":
                args += ["--bind", mount.source, mount.at]
            case "link":
                args += ["--symlink", mount.source, mount.at]
            case "scratch":
                args += ["--perms", "0700", "--size", mount.source, "--tmpfs", mount.at]
    args += ["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in env.items():
        args += ["--setenv", name, value]
    return (*args, "--chdir", cwd)
