"""pg_dump and pg_restore: found, told where to connect, and run within a step's time."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.database_common import left, setting

FOLDERS = Path("/usr/lib/postgresql")
# What libpq reads from its surroundings; nothing of it shows in a list of processes.
_BY_QUERY = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "host": "PGHOST",
    "port": "PGPORT",
}


def program(situation: Situation, name: str) -> str:
    """Find one of PostgreSQL's programs; ActionFailed where it is not installed."""
    told = situation.target.get("programs")
    places = [Path(str(told)) / name] if told else []
    if not told:
        # Debian keeps each version in a folder of its own, the newest reads all older ones.
        versions = sorted(FOLDERS.glob("*/bin"), key=lambda f: f.parent.name.zfill(4), reverse=True)
        places = [folder / name for folder in versions]
        found = shutil.which(name)
        places += [Path(found)] if found else []
    for place in places:
        if os.access(place, os.X_OK):
            return str(place)
    raise ActionFailed(f"{name} is not installed here: install PostgreSQL's client programs")


def surroundings(situation: Situation, database: str | None = None) -> dict[str, str]:
    """Make the environment of a program of PostgreSQL out of the target's address."""
    parts = urlsplit(setting(situation, "url"))
    env = {
        "PATH": os.defpath,
        "PGAPPNAME": "grace-runner",
        "PGHOST": unquote(parts.hostname or "") or None,
        "PGPORT": str(parts.port) if parts.port else None,
        "PGUSER": unquote(parts.username) if parts.username else None,
        "PGPASSWORD": unquote(parts.password) if parts.password else None,
        "PGDATABASE": database or unquote(parts.path.lstrip("/")),
        "PGCONNECT_TIMEOUT": "10",
        "LC_ALL": "C.UTF-8",
    }
    env |= {_BY_QUERY[k]: v for k, v in parse_qsl(parts.query) if k in _BY_QUERY}
    return {name: value for name, value in env.items() if value is not None}


def run(
    situation: Situation, arguments: list[str], *, database: str | None = None
) -> tuple[int, str, str]:
    """Run a program of PostgreSQL; answer its status and what it wrote.

    Of standard error the last line that names an error; data of rows stands in lines of detail.
    """
    command = [program(situation, arguments[0]), "--no-password", *arguments[1:]]
    try:
        ended = subprocess.run(
            command,
            env=surroundings(situation, database),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=left(situation),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ActionFailed(
            f"{arguments[0]} did not end in time: give the step a longer `timeout_seconds`"
        ) from error
    errors = [line for line in ended.stderr.splitlines() if "error" in line.lower()]
    return ended.returncode, ended.stdout, " ".join(errors[:1])[:300]
