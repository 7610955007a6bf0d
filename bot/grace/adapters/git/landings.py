"""What a landing brought and whether it is gone again: commits before it, paths, trees."""

from grace.adapters.git.errors import RevertRefused
from grace.adapters.git.repository import Repository
from grace.domain.ranges import CommitLine, PullCommits, before

MAX_COMMITS = 300
_FORMAT = "--format=%H%n%P%n%an <%ae> %at%n%B"


async def commit_before(repository: Repository, landed: str, pull: PullCommits | None) -> str:
    """Return the commit that stood before a landing; `pull`: where its own commits lie, if several.

    Raises RevertRefused where there is none, or where it cannot be told; UnknownCommit.
    """
    if pull is None:
        parents = await repository.parents(landed)
        found = parents[0] if parents else None
    else:
        count = f"--max-count={MAX_COMMITS + 1}"
        own = await _lines(repository, pull.head, count, f"{pull.fork}..{pull.head}")
        if len(own) > MAX_COMMITS:
            raise RevertRefused(landed, f"it has more than {MAX_COMMITS} commits")
        history = ("--first-parent", f"--max-count={len(own) + 1}", landed)
        found = before(await _lines(repository, landed, *history), own)
    if found is None:
        reason = "the first commit of the repository" if pull is None else "not told what it is on"
        raise RevertRefused(landed, f"it is {reason}")
    return found


async def _lines(repository: Repository, about: str, *args: str) -> tuple[CommitLine, ...]:
    listed = await repository.about(about, "log", "-z", "--topo-order", _FORMAT, *args)
    records = listed.stdout.decode("utf-8", "replace").split("\0")
    return tuple(_line(record) for record in records if record.strip())


def _line(record: str) -> CommitLine:
    sha, parents, author, message = record.split("\n", 3)
    return CommitLine(sha=sha, parents=tuple(parents.split()), author=author, message=message)


async def differing(
    repository: Repository, before_it: str, landed: str, now: str
) -> tuple[str, ...]:
    """List the paths of a landing that are not at `now` as they were before it, sorted."""
    touched = {change.path for change in await repository.changes(before_it, landed)}
    changed = {change.path for change in await repository.changes(before_it, now)}
    return tuple(sorted(touched & changed))
