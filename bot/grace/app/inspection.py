"""Read what governance asks for: patches, rules at their base, authors, teams, attestations."""

import asyncio
import re
from dataclasses import dataclass
from typing import assert_never

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.inspection import (
    MAX_WEAKENINGS,
    OWNER_FILES,
    POLICY_FILE,
    WAIVER_FILE,
    Inspection,
    Owned,
)
from grace.domain.mission import MissionRef
from grace.domain.policy import Policy
from grace.domain.weakened import weakened
from grace.ports import AttestationVerifier, Forge, Job, PatchRead, Repositories, RuleReader

_SHA = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Inspector:
    """Read patches from `repositories`, and what their bases say with `rules`."""

    forge: Forge
    repositories: Repositories
    rules: RuleReader
    attestations: AttestationVerifier
    policy: Policy

    async def read(
        self, job: Job, effect: fx.ReadRef | fx.InspectPatch | fx.ReadTeam | fx.VerifyAttestations
    ) -> ev.Event:
        """Carry out one reading effect; raises `ForgeError` where the world does not answer."""
        ref = job.mission.ref
        match effect:
            case fx.ReadRef():
                return await self._ref(job, effect)
            case fx.InspectPatch(base=base, head=head):
                return ev.PatchInspected(inspection=await self.inspect(ref, base, head))
            case fx.ReadTeam(login=login, team=team):
                member = await self.forge.in_team(ref, team, login)
                return ev.TeamRead(login=login, team=team, member=member)
            case fx.VerifyAttestations(head=head, artifacts=artifacts):
                proven = await self.attestations.verify(artifacts)
                return ev.AttestationsVerified(head=head, artifacts=proven)
            case _ as never:
                assert_never(never)

    async def look(
        self, ref: MissionRef, effect: fx.ReadBase | fx.ReadContains | fx.ReadTree
    ) -> ev.Event:
        """Read what a repository says of a branch or a commit."""
        match effect:
            case fx.ReadBase(branch=branch):
                return await self.repositories.tip(ref, branch)
            case fx.ReadContains(head=head, landed=landed, of=of):
                contains = await self.repositories.contains(ref, head, landed)
                return ev.ContainsRead(head=head, contains=contains, of=of)
            case fx.ReadTree(sha=sha):
                return ev.TreeRead(sha=sha, tree=await self.repositories.tree(ref, sha))
            case _ as never:
                assert_never(never)

    async def _ref(self, job: Job, effect: fx.ReadRef) -> ev.RefRead:
        """Pin a candidate to its commit, and name who wrote what it brings."""
        request, name = job.mission.request, effect.ref
        assert request is not None  # only a started mission pins its candidates
        if _SHA.fullmatch(name):
            await self.repositories.tree(job.mission.ref, name)  # refuses what is not there
            sha = name
        else:
            sha = (await self.repositories.tip(job.mission.ref, name)).sha
        base = self.policy.subsystem(request.subsystem_id).base_branch
        authors, strangers = await self.forge.authors(job.mission.ref, base, sha)
        return ev.RefRead(
            candidate=effect.candidate, ref=name, sha=sha, authors=authors, strangers=strangers
        )

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
