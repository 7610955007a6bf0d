"""Read a patch for governance: what it changes, what it weakens, and the rules at its base."""

import asyncio
from dataclasses import dataclass

from grace.domain.inspection import (
    MAX_WEAKENINGS,
    OWNER_FILES,
    POLICY_FILE,
    WAIVER_FILE,
    Inspection,
    Owned,
)
from grace.domain.mission import MissionRef
from grace.domain.weakened import weakened
from grace.ports import PatchRead, Repositories, RuleReader


@dataclass(frozen=True, slots=True)
class Inspector:
    """Read patches from `repositories`, and what their bases say with `rules`."""

    repositories: Repositories
    rules: RuleReader

    async def inspect(self, ref: MissionRef, base: str, head: str) -> Inspection:
        """Inspect what lies between two commits; raises `ForgeError` where it cannot be read."""
        wanted = (POLICY_FILE, WAIVER_FILE, *OWNER_FILES)
        read = await self.repositories.change(ref, base, head, wanted)
        return await asyncio.to_thread(self._inspection, read, base, head)

    def _inspection(self, read: PatchRead, base: str, head: str) -> Inspection:
        found = weakened(read.pairs)
        waivers, problems = self.rules.waivers(read.documents.get(WAIVER_FILE))
        owners = next((read.documents[p] for p in OWNER_FILES if p in read.documents), None)
        owned: tuple[Owned, ...] = ()
        if owners is not None:
            owned = self.rules.owners(owners, [f.path for f in read.files])
        return Inspection(
            head=head,
            base=base,
            files=read.files,
            commits=read.commits,
            weakenings=found[:MAX_WEAKENINGS],
            weakened=len(found),
            rules=self.rules.rules(read.documents.get(POLICY_FILE)),
            owned=owned,
            owners_known=owners is not None,
            waivers=waivers,
            waiver_problems=problems,
        )
