"""Missions from issue to resolved, or to rolled back, and what they leave for an auditor."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner

from grace.adapters.keys import allowed_signers_line, raw_line
from grace.cli.main import app
from grace.domain.audit_layout import LEDGER_BRANCH
from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase, Status
from support.flow_ci import git
from support.flow_mission import GOOD, REGRESSING, WRONG, Wanted
from support.flows import OWNER, Bot, Stage


def grace(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as an auditor does."""
    return subprocess.run(
        [Path(sys.executable).with_name("grace"), *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **more},
    )


def trailers(message: str) -> dict[str, str]:
    """Read trailers with git itself."""
    out = subprocess.run(
        ["git", "interpret-trailers", "--parse"],
        input=message,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return dict(line.split(": ", 1) for line in out.splitlines())


async def test_good_patch_is_merged_observed_and_resolved(stage: Stage, bot: Bot) -> None:
    async with stage.people():
        issue = await stage.file()
        mission = await bot.look.closed(issue, Outcome.FIXED)
    assert mission.status is Status.RESOLVED
    assert mission.landing is not None
    seen = await stage.get(f"/issues/{issue}")
    assert (seen["state"], seen["state_reason"]) == ("closed", "completed")
    bare = stage.repository.bare
    assert await git(bare, "rev-parse", "main") == mission.landing.sha
    assert await git(bare, "rev-parse", "main^{tree}") == mission.attempts[0].tree
    assert await git(bare, "rev-parse", "main^2") == mission.attempts[0].head
    assert mission.pull is not None
    (words,) = await stage.words(mission.pull.number)
    assert "closed: fixed" in words
    assert mission.landing.sha in words
    (said,) = await stage.words(issue)
    assert "Understood and started" in said
    assert await stage.get("/issues", state="all", labels="capa") == []
    await bot.look.nothing_doubled(mission)


async def test_second_candidate_is_tried_when_ci_fails_the_first(stage: Stage, bot: Bot) -> None:
    async with stage.people():
        issue = await stage.file(Wanted((WRONG, GOOD)))
        mission = await bot.look.closed(issue, Outcome.FIXED)
    assert [a.candidate for a in mission.attempts] == ["first", "second"]
    assert "unit" in (mission.attempts[0].failure or "")
    await bot.look.nothing_doubled(mission)


async def test_regressing_patch_is_rolled_back_with_a_capa(stage: Stage, bot: Bot) -> None:
    before = await git(stage.repository.bare, "rev-parse", "main^{tree}")
    async with stage.people():
        issue = await stage.file(Wanted((REGRESSING,)))
        mission = await bot.look.closed(issue, Outcome.ROLLED_BACK)
    assert mission.status is Status.ESCALATED
    assert (await stage.get(f"/issues/{issue}"))["state"] == "open"
    assert await git(stage.repository.bare, "rev-parse", "main^{tree}") == before
    (capa,) = await stage.get("/issues", labels="capa")
    assert capa["number"] == mission.capa
    assert capa["user"]["login"] == stage.app.bot
    assert f"#{issue}" in capa["body"]
    assert "mesh.latency\\_p95" in capa["body"]
    assert "500" in capa["body"]
    await bot.look.nothing_doubled(mission)


async def test_mission_ends_as_failed_when_no_candidate_is_left(stage: Stage, bot: Bot) -> None:
    async with stage.people():
        issue = await stage.file(Wanted((WRONG,)))
        mission = await bot.look.closed(issue, Outcome.FAILED)
    assert mission.landing is None
    assert mission.pull is not None
    pull = await stage.get(f"/pulls/{mission.pull.number}")
    assert (pull["state"], pull["merged"]) == ("closed", False)
    assert (await stage.get(f"/issues/{issue}"))["state"] == "open"


async def test_own_approval_and_a_readers_approval_do_not_merge(stage: Stage, bot: Bot) -> None:
    async with stage.people(reviewing=False):
        issue = await stage.file()
        mission = await bot.look.phase(issue, Phase.GATING)
        assert mission.pull is not None
        for login in ("alice", "mallory"):
            await stage.post(f"/pulls/{mission.pull.number}/reviews", login, event="APPROVE")
        await bot.look.until(
            issue, lambda m: sum(k.startswith("permission/review") for k in m.requested) == 2
        )
        await bot.look.settled()
        still = await bot.look.phase(issue, Phase.GATING)
        assert still.landing is None
        await stage.post(f"/pulls/{mission.pull.number}/reviews", "rita", event="APPROVE")
        mission = await bot.look.closed(issue, Outcome.FIXED)
    await bot.look.nothing_doubled(mission)


async def test_landed_and_pushed_commits_prove_themselves_to_git(
    stage: Stage, bot: Bot, tmp_path: Path
) -> None:
    async with stage.people():
        issue = await stage.file()
        mission = await bot.look.closed(issue, Outcome.FIXED)
    bare, head = stage.repository.bare, mission.attempts[0].head or ""
    landed = trailers(await git(bare, "log", "-1", "--format=%B", "main"))
    work = trailers(await git(bare, "log", "-1", "--format=%B", head))
    assert landed["Mission"] == work["Mission"] == mission.name
    assert landed["Mission-Issue"] == f"{stage.repository.full_name}#{issue}"
    assert landed["Approved-by"].startswith("rita")
    assert "Approved-by" not in work
    for name in ("Mission-Agent", "Ledger-Entry", "Mission-Signature"):
        assert landed[name]
        assert work[name]
    message = await git(bare, "log", "-1", "--format=%B", "main")
    assert f"Refs #{issue}" in message
    signers = tmp_path / "allowed-signers"
    signers.write_text(allowed_signers_line(bot.system.signer.public) + "\n")
    verify = ("-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", "--raw", head)
    process = await asyncio.create_subprocess_exec(
        "git", *verify, cwd=bare, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err
    assert b"Good" in out + err


Tamper = Callable[[list[bytes]], list[bytes]]


def flipped(nth: int) -> Tamper:
    """Flip one bit in the middle of one entry."""

    def work(lines: list[bytes]) -> list[bytes]:
        line = bytearray(lines[nth])
        line[len(line) // 2] ^= 1
        return [*lines[:nth], bytes(line), *lines[nth + 1 :]]

    return work


TAMPERINGS: dict[str, tuple[Tamper, str]] = {
    "first entry flipped": (flipped(0), "entry 1"),
    "fifth entry flipped": (flipped(4), "entry 5"),
    "dropped": (lambda lines: lines[:4] + lines[5:], "entry 5"),
    "swapped": (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], "entry 5"),
    "repeated": (lambda lines: [*lines[:5], lines[4], *lines[5:]], "entry 5"),
}


async def tampered(bare: Path, clone: Path, work: Tamper) -> None:
    """Clone a repository and change its published ledger, as a person with push rights could."""
    await git(bare.parent, "clone", "-q", "--no-hardlinks", str(bare), str(clone))
    await git(clone, "checkout", "-q", "-B", LEDGER_BRANCH, f"origin/{LEDGER_BRANCH}")
    file = clone / "entries" / "000000.jsonl"
    lines = work(file.read_bytes().splitlines())
    file.write_bytes(b"\n".join((*lines, b"")))
    who = ("-c", "user.name=m", "-c", "user.email=m@example.org")
    await git(clone, *who, "commit", "-q", "-a", "-m", "Correct the ledger")
    await git(clone, "update-ref", f"refs/remotes/origin/{LEDGER_BRANCH}", "HEAD")


async def test_audit_passes_on_store_clone_and_comment_and_names_what_was_tampered_with(
    stage: Stage, bot: Bot, tmp_path: Path
) -> None:
    async with stage.people():
        issue = await stage.file(Wanted((WRONG, GOOD)))
        mission = await bot.look.closed(issue, Outcome.FIXED)
    key, clone, bare = tmp_path / "key.pub", tmp_path / "clone", stage.repository.bare
    key.write_text(raw_line(bot.system.signer.public) + "\n")
    await git(tmp_path, "clone", "-q", str(bare), str(clone))
    saved = tmp_path / "comment.md"
    saved.write_text(await pull_comment(stage, mission))
    for args in (
        ("--data", str(stage.data)),
        ("--repo", str(clone), "--key", str(key)),
        ("--comment", str(saved), "--key", str(key)),
    ):
        done = await asyncio.to_thread(grace, "audit", "verify", *args)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "signatures verified" in done.stdout
    for name, (work, named) in TAMPERINGS.items():
        broken = tmp_path / name.replace(" ", "-")
        await tampered(bare, broken, work)
        command = ["audit", "verify", "--repo", str(broken), "--key", str(key)]
        result = await asyncio.to_thread(CliRunner().invoke, app, command)
        assert result.exit_code == 1, f"{name}: {result.output}"
        assert named in result.stdout, f"{name}: {result.output}"


async def pull_comment(stage: Stage, mission: Mission) -> str:
    assert mission.pull is not None
    return (await stage.words(mission.pull.number))[0]


async def test_flipped_byte_in_the_audit_of_a_saved_comment_is_found(
    stage: Stage, bot: Bot, tmp_path: Path
) -> None:
    async with stage.people():
        issue = await stage.file()
        mission = await bot.look.closed(issue, Outcome.FIXED)
    text = await pull_comment(stage, mission)
    key, saved = tmp_path / "key.pub", tmp_path / "comment.md"
    key.write_text(raw_line(bot.system.signer.public) + "\n")
    table = [line for line in text.splitlines() if line.startswith("| 3 |")]
    assert len(table) == 1
    saved.write_text(text.replace(table[0], table[0].replace("mission.", "mission,", 1)))
    done = await asyncio.to_thread(
        grace, "audit", "verify", "--comment", str(saved), "--key", str(key)
    )
    assert done.returncode == 1, done.stdout
    assert "the audit table is not the one that the signed head names" in done.stdout


async def test_nobody_but_people_and_the_bot_called_the_forge(stage: Stage, bot: Bot) -> None:
    """The budget counts by login, so every call must have the login that it should have."""
    async with stage.people():
        issue = await stage.file()
        await bot.look.closed(issue, Outcome.FIXED)
    assert {c.actor for c in await stage.forge.calls()} <= {
        stage.app.bot,
        OWNER,
        "alice",
        "rita",
    }
