"""The port's side of verification: bounds, a thread, and a sentence for whatever goes wrong."""

import asyncio
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final
from urllib.parse import quote

from grace.domain.governance_events import AttestedArtifact
from grace.domain.results import ArtifactReport

_PUBLIC_GOOD: Final = "https://tuf-repo-cdn.sigstore.dev"

Check = Callable[[ArtifactReport], AttestedArtifact]


class TrustedRootInvalid(Exception):
    """A trusted root that cannot be read; nothing can be verified without one."""


def embedded_root() -> Path:
    """Return the trusted root of the public sigstore instance that the installed library carries.

    The library's cache in the user's home, which its own offline mode reads, is never looked at.
    """
    store = files("sigstore") / "_store" / quote(_PUBLIC_GOOD, safe="")
    return Path(str(store / "trusted_root.json"))


class SigstoreVerifier:
    """Verify bundles against one trusted root, which is read anew for every call.

    `root` is a file as sigstore's `trusted_root.json`. Artifacts are taken one after another in a
    thread; one that is not done `limit_s` seconds after the first was begun counts as unverified.
    """

    def __init__(self, root: Path, *, limit_s: float = 20.0) -> None:
        self._root = root
        self._limit_s = limit_s

    async def verify(self, artifacts: Sequence[ArtifactReport]) -> tuple[AttestedArtifact, ...]:
        """Answer for every artifact, in order; whatever is wrong with one is its `problem`."""
        until = asyncio.get_running_loop().time() + self._limit_s
        try:
            check = await asyncio.to_thread(_opened, self._root)
        except TrustedRootInvalid as error:
            return tuple(_unverified(artifact, str(error)) for artifact in artifacts)
        return tuple([await self._within(until, check, artifact) for artifact in artifacts])

    async def _within(
        self, until: float, check: Check, artifact: ArtifactReport
    ) -> AttestedArtifact:
        try:
            async with asyncio.timeout_at(until):
                return await asyncio.to_thread(check, artifact)
        except TimeoutError:
            return _unverified(artifact, f"it was not verified within {self._limit_s:g} s")


def _opened(root: Path) -> Check:
    from grace.adapters.attestations.bundles import Bundles  # noqa: PLC0415 - slow to import

    return Bundles(root).check


def _unverified(artifact: ArtifactReport, problem: str) -> AttestedArtifact:
    return AttestedArtifact(name=artifact.name, sha256=artifact.sha256, problem=problem)
