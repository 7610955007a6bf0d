"""A piece of a report: what one job found, bound to the commit and tree it had checked out."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from grace.ci.errors import CheckoutInvalid, ResultsInvalid
from grace.domain.base import Frozen
from grace.domain.package import MetricObservation
from grace.domain.results import ArtifactReport, ScanReport, Sha, StressReport, SuiteReport

MAX_BYTES = 32 * 1024 * 1024


class Tested(Frozen):
    """The commit that was checked out and its tree."""

    head_sha: Sha
    tree: Sha


class Piece(Frozen):
    """One job's results; the report merges the pieces of a run.

    Observations stay in the artifact: the report does not carry them. `base_sha` is the commit
    whose code the suites of subject base ran on.
    """

    v: Literal[1] = 1
    tested: Tested
    base_sha: Sha | None = None
    suites: Annotated[tuple[SuiteReport, ...], Field(max_length=50)] = ()
    stress: Annotated[tuple[StressReport, ...], Field(max_length=10)] = ()
    scans: Annotated[tuple[ScanReport, ...], Field(max_length=10)] = ()
    artifacts: Annotated[tuple[ArtifactReport, ...], Field(max_length=20)] = ()
    observations: Annotated[tuple[MetricObservation, ...], Field(max_length=1000)] = ()


def tested_in(checkout: Path) -> Tested:
    """Return commit and tree of a checkout; one with changed files stands for no commit."""
    changed = git(checkout, "status", "--porcelain", "--untracked-files=no")
    if changed:
        first = changed.splitlines()[0].strip()
        raise CheckoutInvalid(f"the checkout differs from its commit: {first}")
    head, tree = git(checkout, "rev-parse", "HEAD", "HEAD^{tree}").split()
    return Tested(head_sha=head, tree=tree)


def write(piece: Piece, path: Path) -> None:
    """Write a piece as JSON, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(piece.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_all(folder: Path) -> tuple[Piece, ...]:
    """Read every piece below a folder, in the order of their paths."""
    paths = sorted(folder.rglob("*.json"))
    if not paths:
        raise ResultsInvalid(
            f"there are no results in {folder}",
            "Let this job need those that test: each uploads its results, red or not",
        )
    return tuple(_read(path) for path in paths)


def _read(path: Path) -> Piece:
    if path.stat().st_size > MAX_BYTES:
        raise ResultsInvalid(f"{path.name} has more than {MAX_BYTES} bytes")
    try:
        return Piece.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ResultsInvalid(f"{path.name} is not a result of `grace ci`: {error}") from error


def git(checkout: Path, *args: str, env: Mapping[str, str] | None = None) -> str:
    """Run git in a checkout without its hooks; `CheckoutInvalid` where it fails."""
    return git_bytes(checkout, *args, env=env).decode().strip()


def git_bytes(checkout: Path, *args: str, env: Mapping[str, str] | None = None) -> bytes:
    """Do the same, and return what git wrote as it is: a path need not be text."""
    done = subprocess.run(
        ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *args],
        cwd=checkout,
        env=env,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise CheckoutInvalid(f"git {args[0]} failed in the checkout: {said}")
    return done.stdout
