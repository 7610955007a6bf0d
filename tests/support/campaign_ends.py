"""What a mission left behind: its end as anybody sees it, and that nothing is there twice."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from grace.domain.mission import Mission
from support.campaign_people import People
from support.campaign_stories import End
from support.flow_ci import git
from support.flow_mission import SERVICE

MARK = re.compile(r"<!-- grace:\S+ -->")
LEDGER_ONCE = ("started", "merged", "reverted", "window_opened", "window_closed", "closed")


@dataclass
class Remains:
    """Everything of one story's repository, read once from the forge."""

    people: People
    mission: Mission
    pulls: list[dict[str, Any]]
    issues: list[dict[str, Any]]
    comments: dict[int, list[str]]
    landings: list[str]
    runs: list[dict[str, Any]]
    pushes: list[str]

    @classmethod
    async def of(cls, people: People, mission: Mission) -> "Remains":
        """Read them."""
        stage = people.stage
        pulls = await stage.get("/pulls", state="all", per_page=100)
        issues = await stage.get("/issues", state="all", per_page=100)
        comments = {i["number"]: await stage.words(i["number"]) for i in issues}
        log = ("log", "--first-parent", "--format=%s", "main")
        landings = (await git(stage.repository.bare, *log)).splitlines()
        shas = {p["head"]["sha"] for p in pulls} | {a.head for a in mission.attempts if a.head}
        if mission.landing is not None:
            shas.add(mission.landing.sha)
        runs: list[dict[str, Any]] = []
        for sha in sorted(shas):
            found = await stage.get(f"/commits/{sha}/check-runs", per_page=100, filter="all")
            runs += [r for r in found["check_runs"] if r["app"]["id"] == stage.app.id]
        moved = await stage.forge.pushes(stage.app.bot)
        name = stage.repository.full_name
        pushes = [p.ref for p in moved if p.repository == name and "/grace/" in p.ref]
        return cls(people, mission, pulls, issues, comments, landings, runs, pushes)

    async def end(self) -> End:
        """Say how it ended."""
        mission, bare = self.mission, self.people.stage.repository.bare
        main = await git(bare, "show", "main:app.py")
        issue = next(i for i in self.issues if i["number"] == mission.issue)
        replies = sum(":reply:" in words for said in self.comments.values() for words in said)
        return End(
            outcome=mission.outcome,
            attempts=tuple(a.candidate for a in mission.attempts),
            pushes=self.pushes.count(f"refs/heads/{mission.branch}"),
            pulls=sum(p["head"]["ref"].startswith("grace/") for p in self.pulls),
            merges=self._landed("Merge"),
            reverts=self._landed("Revert"),
            capas=sum("capa" in {label["name"] for label in i["labels"]} for i in self.issues),
            replies=replies,
            issue=issue["state"],
            patched=main != SERVICE.strip(),
            courtesies=sum(r["head_sha"] == self.people.courtesy for r in self.runs),
        )

    def _landed(self, verb: str) -> int:
        return sum(s.startswith(f"{verb} {self.mission.name}") for s in self.landings)

    def doubled(self) -> list[str]:
        """Name everything that is there more than once."""
        said = [words for each in self.comments.values() for words in each]
        said += [i["body"] or "" for i in self.issues if "pull_request" not in i]
        marks = Counter(mark for words in said for mark in MARK.findall(words)[:1])
        surfaces = Counter(
            n for n, each in self.comments.items() for words in each if ":reply:" not in words
        )
        heads = Counter(p["head"]["ref"] for p in self.pulls)
        checks = Counter((r["head_sha"], r["name"], r["external_id"]) for r in self.runs)
        names = Counter((r["head_sha"], r["name"]) for r in self.runs)
        counted: list[tuple[str, Counter[Any]]] = [
            ("comment", marks),
            ("comments of ours on", surfaces),
            ("pull request", heads),
            ("check", checks),
            ("check by name", names),
            ("landing", Counter(self.landings)),
        ]
        return [f"{what} {key}: {n}" for what, c in counted for key, n in c.items() if n > 1]

    async def told_twice(self) -> list[str]:
        """Name what the ledger tells more than once, and what in it does not verify."""
        look = self.people.look
        entries = await look.entries(self.mission)
        kinds = Counter(e.envelope.kind.removeprefix("mission.") for e in entries)
        await look.ledger_verifies(self.mission)
        return [f"ledger {kind}: {kinds[kind]}" for kind in LEDGER_ONCE if kinds[kind] > 1]


async def settled_end(people: People, mission: Mission) -> tuple[End, list[str]]:
    """Read an end and its faults; the forge works off what it was asked a moment ago."""
    remains = await Remains.of(people, mission)
    await asyncio.sleep(0)
    return await remains.end(), [*remains.doubled(), *await remains.told_twice()]
