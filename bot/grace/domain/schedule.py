"""Which mission may work now: critical first, then oldest; the same paths one after another."""

from collections.abc import Sequence

from grace.domain.mission import Mission
from grace.domain.phase import Phase
from grace.domain.surroundings import Rival

# A mission holds its paths from its patch until its window is over.
HOLDING = frozenset(
    {Phase.PATCHING, Phase.TESTING, Phase.GATING, Phase.MERGING, Phase.OBSERVING, Phase.REVERTING}
)


def diff_paths(diff: str) -> tuple[str, ...]:
    """List the paths that a unified diff names, on both sides, without `a/` and `b/`."""
    found: dict[str, None] = {}
    for line in diff.splitlines():
        if line.startswith(("--- ", "+++ ")):
            path = line[4:].split("\t")[0].strip().strip('"')
            if path != "/dev/null":
                found[path.removeprefix("a/").removeprefix("b/")] = None
    return tuple(found)


def paths_of(mission: Mission) -> tuple[str, ...]:
    """List what a mission touches or may touch: its pushed patch, else all its candidates.

    One that is held before its patch keeps nobody waiting.
    """
    if mission.phase is Phase.PLANNING and mission.held is not None:
        return ()
    if mission.attempt is not None and mission.attempt.paths:
        return mission.attempt.paths
    if mission.landing is not None and mission.attempts:
        return mission.attempts[-1].paths
    if mission.request is None:
        return ()
    paths: dict[str, None] = {}
    for candidate in mission.candidates:
        paths.update(dict.fromkeys(diff_paths(candidate.diff or "")))
    return tuple(paths)


def held_back_by(mission: Mission, rivals: Sequence[Rival], max_parallel: int) -> str | None:
    """Say why a planned mission must wait, or None: it may start its patch now."""
    holding = [r for r in rivals if r.phase in HOLDING]
    waiting = [
        r for r in rivals if r.phase is Phase.PLANNING and r.paths and r.urgency < mission.urgency()
    ]
    mine = set(paths_of(mission))
    for rival in (*holding, *waiting):
        shared = sorted(mine & set(rival.paths))
        if shared:
            return f"{rival.name} works on {', '.join(shared[:3])} first"
    if len(holding) + len(waiting) >= max_parallel:
        return f"{len(holding)} missions run and {len(waiting)} are more urgent"
    return None
