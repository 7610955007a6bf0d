"""git as a person of the demo uses it, with a personal token."""

import asyncio
import base64
import os
from pathlib import Path

TIMEOUT_S = 30.0


class GitFailed(Exception):
    """Git refused or took too long; the message says which command, and why."""


async def git(token: str, *args: str, cwd: Path | None = None) -> str:
    """Run git with somebody's token for the forge, and return what it printed."""
    # The token goes in by the environment: a command line can be read by everybody.
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }
    process = await asyncio.create_subprocess_exec(
        "git",
        *args,
        cwd=cwd,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise GitFailed(f"git {args[0]}: no end within {TIMEOUT_S:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise GitFailed(f"git {args[0]}: {err.decode(errors='replace').strip()[:300]}")
    return out.decode()


async def commit_diff(work: Path, url: str, token: str, commit: tuple[str, str, str]) -> str:
    """Commit a diff on main and push it; return the commit.

    `commit`: who writes it, the message, the diff. `work` is a folder that is not there yet.
    Raises `GitFailed` where the diff does not apply, or the forge does not take the push.
    """
    author, message, diff = commit
    await git(token, "clone", "--quiet", "--branch", "main", url, str(work))
    await asyncio.to_thread((work / ".git" / "change.patch").write_text, diff)
    await git(token, "apply", "--index", ".git/change.patch", cwd=work)
    await git(token, "config", "user.name", author, cwd=work)
    await git(token, "config", "user.email", f"{author}@users.noreply.localforge", cwd=work)
    await git(token, "commit", "--quiet", "-m", message, cwd=work)
    await git(token, "push", "--quiet", "origin", "main", cwd=work)
    return (await git(token, "rev-parse", "HEAD", cwd=work)).strip()
