"""The merge queue: a pull request waits in a group, and the base moves to a group that passed.

Each entry's group is a commit on the one before it, or on the tip of the base, at
`gh-readonly-queue/BASE/pr-N-SHA` (SHA is what it stands on). Checks report on that commit.
"""

from typing import Final

from grace.localforge.apps import new_user
from grace.localforge.branches import RefChange, mark_merged, ref_moved, tell_merged
from grace.localforge.core import Core, Json
from grace.localforge.db import Row
from grace.localforge.errors import ApiError, unprocessable
from grace.localforge.events import Act, Event, emit, payload
from grace.localforge.gitrepo import ZERO
from grace.localforge.merging import MergeRequest, delete_head, make_commit
from grace.localforge.protection import check_state, protection_of, queue_method
from grace.localforge.pulls import base_tip, pull_event, standing
from grace.localforge.shapes.repos import simple_commit_json

BOT: Final = "github-merge-queue[bot]"
HEADS: Final = "refs/heads/"


class MergeQueue:
    """Takes pull requests in, builds their groups, lands or drops them as their checks end."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def resume(self) -> None:
        """Go on with what an earlier process left in queues."""
        for row in self._core.db.all("SELECT DISTINCT repository_id, base_ref FROM queue_entries"):
            self._spawn(self._core.db.get("repositories", row["repository_id"]), row["base_ref"])

    def entry_of(self, pull: Row) -> Row | None:
        """Return the entry of a pull request, or None."""
        return self._core.db.one("SELECT * FROM queue_entries WHERE pull_id=?", pull["id"])

    def position(self, entry: Row) -> int:
        """Return an entry's place, 1 being the next to land."""
        before = "SELECT count(*) FROM queue_entries WHERE repository_id=? AND base_ref=? AND id<=?"
        return int(
            self._core.db.scalar(before, entry["repository_id"], entry["base_ref"], entry["id"])
        )

    def state(self, repo: Row, entry: Row) -> str:
        """Return GitHub's word for where an entry is."""
        if entry["head_sha"] is None:
            return "QUEUED"
        outcomes = {"passing": "MERGEABLE", "failing": "UNMERGEABLE"}
        return outcomes.get(self._checks(repo, entry), "AWAITING_CHECKS")

    async def enqueue(self, repo: Row, pull: Row, sender: Row, expected: str | None) -> Row | None:
        """Put a pull request at the end of its base's queue; 422 when it may not go there.

        None when it conflicts with what is before it, so that the queue dropped it at once.
        """
        async with self._core.lock(repo):
            pull = self._core.db.get("pulls", pull["id"])
            await self._admit(repo, pull, expected)
            number = self._core.db.insert(
                "queue_entries",
                repository_id=repo["id"],
                pull_id=pull["id"],
                base_ref=pull["base_ref"],
                enqueuer_id=sender["id"],
                created_at=self._core.now(),
            )
            await pull_event(self._core, repo, pull, Act("enqueued", sender))
            await self._build(repo, self._core.db.get("queue_entries", number))
            entry = self._core.db.one("SELECT * FROM queue_entries WHERE id=?", number)
        self._spawn(repo, pull["base_ref"])
        return entry

    async def dequeue(self, repo: Row, pull: Row, reason: str = "MANUAL") -> Row:
        """Take a pull request out of its queue and return the entry it had; 422 without one."""
        async with self._core.lock(repo):
            entry = self.entry_of(pull)
            if entry is None:
                raise unprocessable("Pull request is not in the merge queue")
            await self._drop(repo, entry, reason)
        self._spawn(repo, pull["base_ref"])
        return entry

    def checked(self, repo: Row, sha: str) -> None:
        """Look at a group again after something reported on its commit."""
        entry = self._core.db.one(
            "SELECT * FROM queue_entries WHERE repository_id=? AND head_sha=?", repo["id"], sha
        )
        if entry is not None:
            self._spawn(repo, entry["base_ref"])

    def changed(self, repo: Row, pull: Row, action: str) -> None:
        """Drop a pull request that was closed, or whose head moved, while it waited."""
        if action in {"closed", "synchronize"} and self.entry_of(pull) is not None:
            reason = "MANUAL" if action == "closed" else "INVALID_MERGE_COMMIT"
            self._core.spawn(self._leave(repo, pull, reason), f"queue drops #{pull['number']}")

    async def _leave(self, repo: Row, pull: Row, reason: str) -> None:
        if self.entry_of(pull) is not None:
            await self.dequeue(repo, pull, reason)

    def _spawn(self, repo: Row, base: str) -> None:
        self._core.spawn(self._advance(repo, base), f"queue of {base}")

    async def _admit(self, repo: Row, pull: Row, expected: str | None) -> None:
        issue = self._core.db.get("issues", pull["issue_id"])
        if queue_method(self._core, repo, pull["base_ref"]) is None:
            raise unprocessable(f"There is no merge queue for {pull['base_ref']}")
        if issue["state"] == "closed":
            raise unprocessable("Pull request is closed")
        if pull["draft"]:
            raise unprocessable("Pull request is in draft state")
        if expected is not None and expected != pull["head_sha"]:
            raise unprocessable("Head sha didn't match the expected head sha")
        if self.entry_of(pull) is not None:
            raise unprocessable("Pull request is already in the merge queue")
        tip = await base_tip(self._core, repo, pull)
        if tip is None:
            raise unprocessable("The base branch does not exist")
        # A head that is behind is what the queue is for.
        problems = (await standing(self._core, repo, pull, tip)).problems
        if problems:
            raise unprocessable(" ".join(problems))

    def _entries(self, repo: Row, base: str) -> list[Row]:
        return self._core.db.all(
            "SELECT * FROM queue_entries WHERE repository_id=? AND base_ref=? ORDER BY id",
            repo["id"],
            base,
        )

    async def _build(self, repo: Row, entry: Row) -> None:
        """Make an entry's group on what is before it; one that conflicts is dropped."""
        core, git = self._core, self._core.git(repo)
        pull = core.db.get("pulls", entry["pull_id"])
        ahead = [e for e in self._entries(repo, entry["base_ref"]) if e["id"] < entry["id"]]
        base: str = ahead[-1]["head_sha"] if ahead else await base_tip(core, repo, pull) or ZERO
        method = queue_method(core, repo, entry["base_ref"]) or "merge"
        issue = core.db.get("issues", pull["issue_id"])
        title = f"{issue['title']} (#{pull['number']})"
        asked = MergeRequest(method, None, title, issue["body"] or "")
        try:
            head = await make_commit(
                core, repo, pull, base, (core.user(entry["enqueuer_id"]), asked)
            )
        except ApiError:
            await self._drop(repo, entry, "MERGE_CONFLICT")
            return
        branch = f"gh-readonly-queue/{entry['base_ref']}/pr-{pull['number']}-{base}"
        columns = {"base_sha": base, "head_sha": head, "ref": branch}
        entry = core.db.update("queue_entries", entry["id"], **columns)
        await git.update_ref(HEADS + branch, head, ZERO)
        await ref_moved(core, repo, RefChange(HEADS + branch, ZERO, head), self._bot())
        group = {"merge_group": await self._group_json(repo, entry)}
        event = Event("merge_group", self._bot(), repo, "checks_requested", group)
        emit(core, event)
        if core.actions is not None:
            work = core.actions.merge_group(repo, entry, payload(core, event), self._bot())
            core.spawn(work, f"workflows of {branch}")

    async def _group_json(self, repo: Row, entry: Row) -> Json:
        commit = await self._core.git(repo).commit(entry["head_sha"])
        return {
            "head_sha": entry["head_sha"],
            "head_ref": HEADS + entry["ref"],
            "base_sha": entry["base_sha"],
            "base_ref": HEADS + entry["base_ref"],
            "head_commit": simple_commit_json(commit),
        }

    def _bot(self) -> Row:
        return self._core.user_named(BOT) or new_user(self._core, BOT, "Bot")

    def _checks(self, repo: Row, entry: Row) -> str:
        """Return passing, failing or pending for the required checks of a group."""
        protection = protection_of(self._core, repo, entry["base_ref"])
        required = () if protection is None else protection.checks or ()
        states = {check_state(self._core, repo, entry["head_sha"], c) for c in required}
        if "failing" in states:
            return "failing"
        return "passing" if states <= {"passing"} else "pending"

    async def _advance(self, repo: Row, base: str) -> None:
        """Land from the front what passed, drop what failed, stop at what is not decided."""
        async with self._core.lock(repo):
            while entries := self._entries(repo, base):
                first = entries[0]
                tip = await self._core.git(repo).ref(HEADS + base)
                if tip is None:
                    return  # its pull requests are being closed, which takes them out
                if first["head_sha"] is None or first["base_sha"] != tip:
                    await self._rebuild(repo, base)
                    continue
                state = self._checks(repo, first)
                if state == "pending":
                    return
                if state == "failing":
                    await self._drop(repo, first, "CI_FAILURE")
                    continue
                await self._land(repo, first)

    async def _rebuild(self, repo: Row, base: str) -> None:
        """Make every group anew, since what the first stood on is no longer there."""
        for entry in self._entries(repo, base):
            await self._destroy(repo, entry, "invalidated")
            columns = {"head_sha": None, "base_sha": None, "ref": None}
            self._core.db.update("queue_entries", entry["id"], **columns)
        for entry in self._entries(repo, base):
            await self._build(repo, entry)

    async def _destroy(self, repo: Row, entry: Row, reason: str) -> None:
        if entry["head_sha"] is None:
            return
        group = {"merge_group": await self._group_json(repo, entry), "reason": reason}
        await self._core.git(repo).delete_ref(HEADS + entry["ref"])
        change = RefChange(HEADS + entry["ref"], entry["head_sha"], ZERO)
        await ref_moved(self._core, repo, change, self._bot())
        emit(self._core, Event("merge_group", self._bot(), repo, "destroyed", group))

    async def _drop(self, repo: Row, entry: Row, reason: str) -> None:
        self._core.db.run("DELETE FROM queue_entries WHERE id=?", entry["id"])
        await self._destroy(repo, entry, "dequeued")
        await self._tell_left(repo, entry, reason)

    async def _tell_left(self, repo: Row, entry: Row, reason: str) -> None:
        pull = self._core.db.get("pulls", entry["pull_id"])
        act = Act("dequeued", self._bot(), {"reason": reason})
        await pull_event(self._core, repo, pull, act)

    async def _land(self, repo: Row, entry: Row) -> None:
        """Move the base to the group and record the merge of its pull request."""
        core, bot = self._core, self._bot()
        pull = core.db.get("pulls", entry["pull_id"])
        base, head = HEADS + entry["base_ref"], entry["head_sha"]
        await core.git(repo).update_ref(base, head, entry["base_sha"])
        core.db.run("DELETE FROM queue_entries WHERE id=?", entry["id"])
        mark_merged(core, pull, head, bot)
        await self._tell_left(repo, entry, "MERGE")
        await ref_moved(core, repo, RefChange(base, entry["base_sha"], head), bot)
        await tell_merged(core, repo, pull, bot)
        await self._destroy(repo, entry, "merged")
        if repo["settings_json"]["delete_branch_on_merge"]:
            await delete_head(core, repo, pull, bot)
