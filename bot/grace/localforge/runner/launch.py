"""Everything on disk that one run of act needs, and its command line."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grace.localforge.runner import actions, calls, rewrite
from grace.localforge.runner.errors import RunnerError
from grace.localforge.runner.workflow import Workflow, parse
from grace.localforge.runs import RunRequest

_OIDC = calls.OIDC
_SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "PRIVATE")
_NOT_VARIABLES = ("GITHUB_", "ACTIONS_", "FORGE_", "RUNNER_")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Where the runner finds things; `python` gives the folder that comes first on PATH."""

    act: Path
    folders: Mapping[str, Path]
    python: Path | None
    max_jobs: int


@dataclass(frozen=True, slots=True)
class Launch:
    """A prepared run. `sealed` holds files with secrets that go once act has read them."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    workflow: Workflow
    secrets: tuple[str, ...]
    sealed: tuple[Path, ...]


async def source_of(request: RunRequest) -> bytes:
    """Return the workflow file as it is in the commit of the request."""
    spec = f"{request.sha}:{request.workflow}"
    return await _git("--git-dir", str(request.bare), "cat-file", "blob", spec)


async def workflow_of(request: RunRequest, tools: Toolchain) -> Workflow:
    """Return the workflow of a request with those it calls, without laying anything out."""
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        tree = await _checkout(request, Path(folder) / "tree")
        source = parse(await source_of(request))
        return calls.expand(source, tools.folders, lambda path: _file(tree, path))[0]


async def prepare(request: RunRequest, tools: Toolchain, root: Path) -> Launch:
    """Lay out a run below `root`: checkout for act, event, actions, workflow file, secrets.

    Raises `WorkflowInvalid` where the file cannot be run and `RunnerError` where git cannot
    give the commit.
    """
    source = await source_of(request)
    tree = await _checkout(request, root / "tree")
    workflow, called = calls.expand(parse(source), tools.folders, lambda path: _file(tree, path))
    used = actions.resolve(workflow.uses(), tools.folders, tree)
    laid = await asyncio.to_thread(actions.lay_out, used, tools.folders, root / "actions")
    for folder in ("home", "tmp"):
        (root / folder).mkdir()
    request.artifact_dir.mkdir(parents=True, exist_ok=True)
    request.log_dir.mkdir(parents=True, exist_ok=True)
    oidc = {key: request.env[key] for key in _OIDC if key in request.env}
    secrets = {**_secrets(request), **(oidc if called else {})}
    for each in called:
        (tree / calls.place_of(each.call.key)).write_bytes(
            rewrite.rewrite_called(each.source, each.jobs, oidc)
        )
    paths = _write_inputs(request, root, rewrite.rewrite(source, workflow, oidc), secrets)
    return Launch(
        argv=_argv(request, tools, root, laid),
        env=_process_env(tools, root),
        workflow=workflow,
        secrets=_hidden(secrets, oidc),
        sealed=paths,
    )


def _file(tree: Path, path: str) -> bytes | None:
    """Return a file of the checkout; a link may lead anywhere and is none."""
    file = tree / path
    return file.read_bytes() if file.is_file() and not file.is_symlink() else None


def _hidden(secrets: Mapping[str, str], oidc: Mapping[str, str]) -> tuple[str, ...]:
    """Return what no log may show: secrets, and the token of the OIDC request, but not its URL."""
    shown = {calls.OIDC[0]}
    return tuple(value for key, value in {**secrets, **oidc}.items() if key not in shown)


def _secrets(request: RunRequest) -> Mapping[str, str]:
    """Return what jobs read as `secrets.NAME`; the forge's read token is `GITHUB_TOKEN`."""
    found = {
        key: value
        for key, value in request.env.items()
        if key not in _OIDC and any(word in key.upper() for word in _SECRET_WORDS)
    }
    if "FORGE_TOKEN" in found:
        found["GITHUB_TOKEN"] = found.pop("FORGE_TOKEN")
    return {key: value for key, value in found.items() if value}


def _write_inputs(
    request: RunRequest, root: Path, workflow: bytes, secrets: Mapping[str, str]
) -> tuple[Path, ...]:
    variables = {
        key: value
        for key, value in request.env.items()
        if key not in secrets and not key.startswith(_NOT_VARIABLES)
    }
    file = root / "workflow" / Path(request.workflow).name
    file.parent.mkdir()
    file.write_bytes(workflow)
    (root / "event.json").write_text(json.dumps(request.event))
    (root / "secrets.env").write_text(_dotenv(secrets))
    (root / "vars.env").write_text(_dotenv(variables))
    for path in (file, root / "secrets.env"):
        path.chmod(0o600)
    return (file, root / "secrets.env")


def _dotenv(values: Mapping[str, str]) -> str:
    for key, value in values.items():
        if "'" in value or "\n" in value:
            raise RunnerError(f"the value of {key} has a quote or a line break")
    return "".join(f"{key}='{value}'\n" for key, value in values.items())


def _argv(
    request: RunRequest, tools: Toolchain, root: Path, laid: Mapping[str, Path]
) -> tuple[str, ...]:
    env = _job_env(request)
    return (
        *(str(tools.act), request.event_name, "--json", "-C", str(root / "tree")),
        *("-W", str(root / "workflow" / Path(request.workflow).name)),
        *("-e", str(root / "event.json"), "-a", request.actor),
        *("-P", f"{rewrite.LABEL}=-self-hosted", "--concurrent-jobs", str(tools.max_jobs)),
        *("--no-skip-checkout", "--no-cache-server", "--action-offline-mode", "--pull=false"),
        *("--container-daemon-socket", "-", "--action-cache-path", str(root / "cache")),
        *("--secret-file", str(root / "secrets.env"), "--var-file", str(root / "vars.env")),
        *("--env-file", "/dev/null", "--input-file", "/dev/null"),
        *(arg for name, path in laid.items() for arg in ("--local-repository", f"{name}={path}")),
        *(arg for key, value in env.items() for arg in ("--env", f"{key}={value}")),
    )


def _job_env(request: RunRequest) -> Mapping[str, str]:
    """Return the environment of every step: no secret is in it."""
    plain = {
        key: value
        for key, value in request.env.items()
        if key not in _OIDC and not any(word in key.upper() for word in _SECRET_WORDS)
    }
    return {
        **plain,
        "GITHUB_RUN_ID": str(request.run_id),
        "GITHUB_RUN_ATTEMPT": str(request.run_attempt),
        "GITHUB_WORKFLOW_REF": f"{request.repository}/{request.workflow}@{request.ref}",
        "GITHUB_REF": request.ref,
        "FORGE_ARTIFACT_DIR": str(request.artifact_dir.resolve()),
        "FORGE_PYTHON": sys.executable,
    }


def _process_env(tools: Toolchain, root: Path) -> Mapping[str, str]:
    """Return act's own environment, which every step inherits and can read."""
    first = [str(tools.python.parent)] if tools.python else []
    return {
        "ACT_DISABLE_VERSION_CHECK": "1",
        "DOCKER_HOST": "unix:///nonexistent",
        "PATH": os.pathsep.join([*first, "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(root / "home"),
        "TMPDIR": str(root / "tmp"),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
    }


async def _checkout(request: RunRequest, tree: Path) -> Path:
    """Check the commit out for act, whose HEAD and `origin` give it GITHUB_SHA and repository.

    The objects stay in the bare repository; `origin` is a name, never fetched from.
    """
    await _git("clone", "-q", "--shared", "--no-checkout", str(request.bare), str(tree))
    at = ("-C", str(tree), "-c", "advice.detachedHead=false")
    await _git(*at, "remote", "set-url", "origin", f"https://github.com/{request.repository}.git")
    await _git(*at, "checkout", "-q", "--detach", request.sha)
    return tree


async def _git(*args: str) -> bytes:
    git = shutil.which("git")
    if git is None:
        raise RunnerError("git is not installed")
    env = {"PATH": os.defpath, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    process = await asyncio.create_subprocess_exec(
        *_hooks_off(git, args),
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        raise RunnerError(f"git {args[0]} failed: {err.decode(errors='replace').strip()}")
    return out


def _hooks_off(git: str, args: Sequence[str]) -> Sequence[str]:
    return (git, "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*", *args)
