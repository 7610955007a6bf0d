"""The security scanners: bandit, detect-secrets, zizmor, each a process with an end, and our own.

None reads a configuration or an ignore comment of the code that it scans: a change cannot silence
its own scan.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from time import monotonic
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from grace.ci import rules, sarif
from grace.ci.errors import ResultsInvalid, ScanFailed
from grace.ci.findings import About, Level, Raw
from grace.ci.process import child_env, running

_LOCAL_SCORE = 6.5
_ENDS = re.compile(r"\r\n|\r|\n")  # what ends a line of Python, and no more
MAX_OUTPUT = 64 * 1024 * 1024
_BANDIT_LEVELS = {"LOW": Level.NOTE, "MEDIUM": Level.WARNING, "HIGH": Level.ERROR}
_TELLS_SECRETS = ("B105", "B106", "B107")
_A_SECRET = About(
    cwe=798,
    title="secret in the source",
    advice="Read it from the environment or a secret store, and replace the one that is here.",
)
_ALLOWLIST = "detect_secrets.filters.allowlist.is_line_allowlisted"


@dataclass(frozen=True, slots=True)
class Scanner:
    """A scanner: what it finds in a folder within `limit_s` seconds.

    `distribution` is what it is installed as, where that is not its name.
    """

    name: str
    scan: Callable[[Path, float], tuple[Raw, ...]]
    distribution: str = ""

    def version(self) -> str:
        """Return the installed version; `ScanFailed` where there is none."""
        try:
            return metadata.version(self.distribution or self.name)
        except metadata.PackageNotFoundError as error:
            raise ScanFailed(
                f"{self.name} is not installed: install grace-mission-control[ci]"
            ) from error


Told = TypeVar("Told", bound=BaseModel)


class _Weakness(BaseModel):
    id: int | None = None


class _Issue(BaseModel):
    filename: str
    line_number: int
    issue_severity: str
    issue_text: str
    test_id: str
    test_name: str = ""
    more_info: str = ""
    issue_cwe: _Weakness = _Weakness()


class _Unread(BaseModel):
    filename: str
    reason: str


class _Bandit(BaseModel):
    errors: list[_Unread]
    results: list[_Issue]


class _Secret(BaseModel):
    type: str
    hashed_secret: str
    line_number: int


class _Secrets(BaseModel):
    results: dict[str, list[_Secret]]


def bandit(root: Path, limit_s: float) -> tuple[Raw, ...]:
    """Scan Python code; a file that cannot be parsed is a finding, for it was not looked at."""
    with tempfile.TemporaryDirectory() as folder:
        ini = Path(folder) / "none.ini"
        ini.write_text("[bandit]\n", encoding="utf-8")
        options = ("--ignore-nosec", "--exit-zero", "--ini", str(ini), "-x", str(ini))
        argv = (*_module("bandit"), "-q", "-r", "-f", "json", *options, ".")
        told = _parsed(_Bandit, _output("bandit", argv, root, limit_s), "bandit")
    found = [
        Raw(
            tool="bandit",
            rule=issue.test_id,
            level=_BANDIT_LEVELS.get(issue.issue_severity, Level.WARNING),
            path=issue.filename.removeprefix("./"),
            line=issue.line_number,
            message=_without_secret(issue),
            anchor=sarif.line_of(root, issue.filename, issue.line_number),
            about=About(
                cwe=issue.issue_cwe.id,
                title=issue.test_name.replace("_", " "),
                url=issue.more_info,
            ),
        )
        for issue in told.results
    ]
    unread = [
        Raw(
            tool="bandit",
            rule="unread",
            level=Level.WARNING,
            path=each.filename.removeprefix("./"),
            line=1,
            message=f"the file could not be scanned: {each.reason}",
            anchor="",
        )
        for each in told.errors
    ]
    return (*found, *unread)


def detect_secrets(root: Path, limit_s: float) -> tuple[Raw, ...]:
    """Look for secrets; what was found is never told, only where and of which kind."""
    options = ("--all-files", "--no-verify", "--disable-filter", _ALLOWLIST)
    argv = (*_module("detect_secrets"), "scan", *options, ".")
    told = _parsed(_Secrets, _output("detect-secrets", argv, root, limit_s), "detect-secrets")
    return tuple(
        Raw(
            tool="detect-secrets",
            rule=secret.type,
            level=Level.ERROR,
            path=path.removeprefix("./"),
            line=secret.line_number,
            message=f"this looks like a secret: {secret.type}",
            anchor=secret.hashed_secret,
            about=_A_SECRET,
        )
        for path, secrets in told.results.items()
        for secret in secrets
    )


def zizmor(root: Path, limit_s: float) -> tuple[Raw, ...]:
    """Scan workflows and actions, asking nobody else; a commit may have none."""
    beside = Path(sys.executable).with_name("zizmor")
    program = str(beside) if beside.is_file() else shutil.which("zizmor")
    if program is None:
        raise ScanFailed("zizmor is not installed: install grace-mission-control[ci]")
    options = ("--offline", "--no-config", "--no-ignores", "--collect", "all", "--quiet")
    argv = (program, *options, "--format", "sarif", ".")
    data = _output("zizmor", argv, root, limit_s, nothing="no inputs collected")
    try:
        return sarif.read(data, root, name="zizmor's output") if data else ()
    except ResultsInvalid as error:
        raise ScanFailed(str(error)) from error


def grace(root: Path, limit_s: float) -> tuple[Raw, ...]:
    """Read Python code by our own rules; of a file that is none, bandit tells."""
    end = monotonic() + limit_s
    found: list[Raw] = []
    for file in sorted(filter(_is_python, root.rglob("*"))):
        if monotonic() > end:
            raise ScanFailed(f"grace did not end within {limit_s:g} s")
        found += _by_rules(file, str(file.relative_to(root)))
    return tuple(found)


def _is_python(file: Path) -> bool:
    """Tell whether a file is Python, by its name or, without an ending, by its first line."""
    if not file.is_file() or file.suffix:
        return file.is_file() and file.suffix in {".py", ".pyw"}
    with file.open("rb") as opened:
        first = opened.readline(200)
    return first.startswith(b"#!") and b"python" in first


def _by_rules(file: Path, path: str) -> list[Raw]:
    data = file.read_bytes()
    try:
        found = rules.hits(data)
    except rules.NotPython:
        return []
    except rules.Unread as error:
        return [
            Raw(
                tool="grace",
                rule="unread",
                level=Level.WARNING,
                path=path,
                line=1,
                message=f"the file could not be scanned: {error}",
                anchor="",
            )
        ]
    lines = _ENDS.split(data.decode("utf-8", "replace"))
    return [_hit(hit, path, lines) for hit in found]


def _hit(hit: rules.Hit, path: str, lines: Sequence[str]) -> Raw:
    rule = rules.RULES[hit.rule]
    level, score = rule.level, rule.score
    if hit.local and level is Level.ERROR:
        level, score = Level.WARNING, _LOCAL_SCORE
    return Raw(
        tool="grace",
        rule=rule.id,
        level=level,
        score=score,
        path=path,
        line=hit.line,
        message=f"{rule.name}: {hit.said}. {rule.help}",
        anchor=lines[hit.line - 1] if hit.line <= len(lines) else "",
        about=About(cwe=rule.cwe, title=rule.name, advice=rule.help),
    )


SCANNERS = (
    Scanner("bandit", bandit),
    Scanner("detect-secrets", detect_secrets),
    Scanner("zizmor", zizmor),
    Scanner("grace", grace, distribution="grace-mission-control"),
)


def _module(name: str) -> Sequence[str]:
    return (sys.executable, "-I", "-m", name)


def _without_secret(issue: _Issue) -> str:
    """Leave out of a message the password that bandit quotes."""
    told = issue.issue_text
    return told.partition(":")[0] if issue.test_id in _TELLS_SECRETS else told


def _output(name: str, argv: Sequence[str], cwd: Path, limit_s: float, nothing: str = "") -> bytes:
    """Run a scanner and return what it wrote; empty where it said that there is `nothing`."""
    env = _plain(child_env(os.environ))
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        with (
            out.open("wb") as stdout,
            err.open("wb") as stderr,
            running(argv, cwd=cwd, env=env, stdout=stdout, stderr=stderr) as process,
        ):
            try:
                status = process.wait(limit_s)
            except subprocess.TimeoutExpired as error:
                raise ScanFailed(f"{name} did not end within {limit_s:g} s") from error
        if out.stat().st_size > MAX_OUTPUT:
            raise ScanFailed(f"{name} wrote more than {MAX_OUTPUT} bytes")
        if status == 0:
            return out.read_bytes()
        said = err.read_text(encoding="utf-8", errors="replace").strip()
        if nothing and nothing in said:
            return b""
        raise ScanFailed(f"{name} ended with status {status}: {said[-1000:]}")


def _plain(env: Mapping[str, str]) -> dict[str, str]:
    """Leave out what would let the environment configure a scanner."""
    prefixes = ("PYTHON", "ZIZMOR_", "BANDIT_")
    return {key: value for key, value in env.items() if not key.startswith(prefixes)}


def _parsed(model: type[Told], data: bytes, name: str) -> Told:
    try:
        return model.model_validate(json.loads(data))
    except (ValueError, ValidationError) as error:
        raise ScanFailed(f"{name} said nothing that can be read: {error}") from error
