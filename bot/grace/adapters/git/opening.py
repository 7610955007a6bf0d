"""Make sure that a mirror's folder holds a sound bare partial clone, and nothing left over."""

import asyncio
import re
import shutil
from pathlib import Path

from grace.adapters.git.errors import GitError, RepositoryCorrupt
from grace.adapters.git.process import Call
from grace.adapters.git.remote import Remote
from grace.adapters.git.repository import SCRATCH, Repository

MANY_LOOSE = 4000
MANY_PACKS = 40
_REFSPEC = "+refs/heads/*:refs/heads/*"
_MISSING_REF = re.compile(r"couldn't find remote ref (\S+)")


async def open_repository(repository: Repository, remote: Remote, clone_timeout: float) -> None:
    """Sweep what a killed process left, then check the clone, or make it where there is none."""
    await asyncio.to_thread(_sweep, repository.path)
    if not await asyncio.to_thread(repository.path.exists):
        await clone(repository, remote, clone_timeout)
        return
    try:
        await _check(repository, remote)
    except RepositoryCorrupt:
        await recreate(repository, remote, clone_timeout)


async def recreate(repository: Repository, remote: Remote, clone_timeout: float) -> None:
    """Throw the clone away and make it anew."""
    await asyncio.to_thread(shutil.rmtree, repository.path)
    await clone(repository, remote, clone_timeout)


async def clone(repository: Repository, remote: Remote, timeout: float) -> None:  # noqa: ASYNC109 - git's, not ours
    """Clone beside the place and move it there when it is whole."""
    path, fresh = repository.path, _fresh(repository.path)
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    args = ("clone", "--bare", "--filter=blob:none", "--no-tags", "--template=", "--quiet", "--")
    call = Call(credentials=repository.credentials, timeout=timeout)
    try:
        await repository.git.run((*args, remote.url, str(fresh)), call)
        made = Repository(repository.git, fresh)
        await made.run("config", "--replace-all", "remote.origin.fetch", _REFSPEC)
        await asyncio.to_thread(fresh.rename, path)
    finally:
        await asyncio.to_thread(shutil.rmtree, fresh, ignore_errors=True)


async def fetch(repository: Repository, refs: tuple[str, ...]) -> None:
    """Fetch `refs` by the same names; one that the remote lacks is deleted here."""
    wanted = list(refs)
    args = ("fetch", "--prune", "--no-tags", "--no-write-fetch-head", "--quiet", "origin")
    while wanted:
        try:
            await repository.run(*args, *(f"+{ref}:{ref}" for ref in wanted))
        except GitError as error:
            missing = _MISSING_REF.search(error.detail)
            if missing is None or missing[1] not in wanted:
                raise
            wanted.remove(missing[1])
            await repository.run("update-ref", "-d", missing[1])
        else:
            return


async def maintain(repository: Repository, timeout: float) -> None:  # noqa: ASYNC109 - git's, not ours
    """Pack loose objects and small packs once there are many."""
    counted = await repository.run("count-objects", "-v")
    counts = dict(line.split(": ", 1) for line in counted.text.splitlines())
    if int(counts["count"]) > MANY_LOOSE or int(counts["packs"]) > MANY_PACKS:
        await repository.run("gc", "--quiet", timeout=timeout)


async def _check(repository: Repository, remote: Remote) -> None:
    """Raise RepositoryCorrupt unless this is a bare partial clone; follow a new address."""
    try:
        bare = await repository.run("rev-parse", "--is-bare-repository")
        await repository.run("for-each-ref", "--count=1")
        partial = await repository.run("config", "--get", "remote.origin.promisor", accept=(0, 1))
    except GitError as error:
        raise RepositoryCorrupt(detail=error.detail) from error
    if (bare.text, partial.text) != ("true", "true"):
        raise RepositoryCorrupt
    await repository.run("config", "--replace-all", "remote.origin.url", remote.url)


def _sweep(path: Path) -> None:
    """Delete lock files, indexes and half a clone; only one process may own the folder."""
    shutil.rmtree(_fresh(path), ignore_errors=True)
    shutil.rmtree(path / SCRATCH, ignore_errors=True)
    if path.is_dir():
        for lock in path.rglob("*.lock"):
            lock.unlink(missing_ok=True)
    elif path.exists():
        path.unlink()


def _fresh(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")
