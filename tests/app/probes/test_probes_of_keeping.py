"""Each probe of what is kept, and of what governs, fails when its thing fails."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.app.probes.findings import Finding
from grace.app.probes.keeping import Memory, Samples, StoreItself
from grace.app.probes.ledger import Keys, Ledger
from grace.app.probes.rules import Brakes, PolicyFiles
from grace.domain.decision import Note
from grace.domain.health import HealthState
from grace.ports import ForgeUnavailable, SampleFigures
from support.probed import NOW, REF, Probed
from support.world import make_policy

HEALTHY, DEGRADED, UNHEALTHY = HealthState
GIB = 1024**3
SAID = {"agent": "a", "subsystem": "mesh", "severity": "low", "outcome": "fixed", "basis": "none"}


def says(finding: Finding, state: HealthState, words: str = "") -> None:
    assert finding.state is state, finding
    assert words in finding.sentence, finding


async def write(probed: Probed, *kinds: str) -> None:
    notes = [Note(kind=kind, actor="grace", payload=dict(SAID)) for kind in kinds]
    await asyncio.gather(*(probed.store.record(note, NOW, ref=REF) for note in notes))


def tamper(folder: Path, statement: str, *values: object) -> None:
    """Change the file behind the store's back, past its triggers."""
    connection = sqlite3.connect(folder / "grace.db")
    connection.execute("DROP TRIGGER IF EXISTS ledger_no_update")
    connection.execute("DROP TRIGGER IF EXISTS ledger_no_delete")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


async def test_store_is_written_and_read(probed: Probed) -> None:
    probe = StoreItself(probed.store, probed, probed.folder, lambda _: 9 * GIB)
    says(await probe(), HEALTHY, "a write took")
    assert await probed.store.pulse() == NOW


@pytest.mark.parametrize(
    ("free", "state", "words"),
    [(GIB - 1, DEGRADED, "make room"), (1024, UNHEALTHY, "nothing can be written")],
)
async def test_full_disk_is_told(probed: Probed, free: int, state: HealthState, words: str) -> None:
    says(await StoreItself(probed.store, probed, probed.folder, lambda _: free)(), state, words)


async def test_store_that_cannot_be_written_is_unhealthy(probed: Probed) -> None:
    tamper(probed.folder, "DROP TABLE pulse")
    found = await StoreItself(probed.store, probed, probed.folder, lambda _: 9 * GIB)()
    says(found, UNHEALTHY, "OperationalError")


async def test_store_that_forgets_or_is_slow_is_told(probed: Probed) -> None:
    class Odd:
        """A store that takes its time, and gives back another value."""

        async def beat(self, _now: object) -> None:
            probed.later(seconds=1)

        async def pulse(self) -> None:
            return None

    odd: Any = Odd()
    found = await StoreItself(odd, probed, probed.folder, lambda _: 9 * GIB)()
    says(found, UNHEALTHY, "does not give back")


@pytest.mark.parametrize(
    ("found", "state", "words"),
    [
        (SampleFigures(0, 0, 4096, None), HEALTHY, "no samples are kept yet"),
        (
            SampleFigures(3, 4000, 3 * 2**20, NOW.timestamp() - 129_600),
            HEALTHY,
            "4000 samples of 3 metrics of 1.5 days in 3.0 MiB",
        ),
        (
            SampleFigures(3, 4000, 3 * 2**20, 0.0, "OperationalError: database or disk is full"),
            DEGRADED,
            "could not be kept (OperationalError)",
        ),
    ],
)
async def test_kept_samples_are_told(
    probed: Probed, found: SampleFigures, state: HealthState, words: str
) -> None:
    probed.samples.found = found
    says(await Samples(probed.samples, probed)(), state, words)


async def test_samples_that_cannot_be_read_are_told(probed: Probed) -> None:
    probed.samples.error = sqlite3.DatabaseError("database disk image is malformed")
    says(await Samples(probed.samples, probed)(), DEGRADED, "restart Grace")


async def test_memory_that_differs_from_the_ledger_is_told(probed: Probed) -> None:
    probe = Memory(probed.store, probed)
    mission = Note(kind="mission.closed", actor="grace", payload=dict(SAID))
    await probed.store.record(mission, NOW, ref=REF)
    says(await probe(), HEALTHY, "1 outcome")
    await write(probed, *["mission.closed"] * 2)
    says(await probe(), HEALTHY, "3 outcomes")
    tamper(
        probed.folder,
        "INSERT INTO outcomes VALUES (?, 'mesh', 2, 'm', 'a', 'low', 'fixed', 'none', 0)",
        REF.log,
    )
    says(await probe(), HEALTHY)  # it was compared before
    probed.later(hours=7)
    says(await probe(), DEGRADED, "1 outcome")
    tamper(probed.folder, "DELETE FROM outcomes")
    probed.later(hours=7)
    says(await probe(), HEALTHY)


async def test_new_entries_are_verified_and_how_far_is_remembered(probed: Probed) -> None:
    probe = Ledger(probed.store, probed, probed.world().keys)
    says(await probe(), HEALTHY, "0 entries")
    await write(probed, "a.b", "a.c")
    await probed.store.record_own(Note(kind="a.b", actor="grace", payload={}), NOW)
    found = await probe()
    says(found, HEALTHY, "5 entries of 2 logs")
    assert {part.log for part in found.parts} == {REF.log, "bot"}
    await write(probed, "a.d")
    says(await probe(), HEALTHY, "6 entries")


async def test_little_time_verifies_little_and_goes_on_next_time(probed: Probed) -> None:
    await write(probed, *["a.b"] * 250)
    probe = Ledger(probed.store, probed, probed.world().keys, budget_s=1e-9)
    says(await probe(), HEALTHY, "0 entries")
    probe._budget_s = 10.0
    says(await probe(), HEALTHY, "251 entries")


async def test_first_bad_entry_is_told_and_stays_told(probed: Probed) -> None:
    await write(probed, "a.b", "a.c")
    probe = Ledger(probed.store, probed, probed.world().keys)
    says(await probe(), HEALTHY)
    await write(probed, "a.d", "a.e")
    tamper(
        probed.folder,
        "UPDATE ledger SET line = CAST(replace(line, 'a.d', 'a.x') AS BLOB) WHERE seq = 4",
    )
    for _ in range(2):
        found = await probe()
        says(found, UNHEALTHY, "1 of 1 logs")
        (part,) = found.parts
        assert (part.state, part.log) == (UNHEALTHY, REF.log)
        assert part.sentence.startswith("entry 4:")
        assert REF.repository not in found.sentence


async def test_old_entry_that_was_changed_is_found_a_day_later(probed: Probed) -> None:
    await write(probed, "a.b", "a.c")
    probe = Ledger(probed.store, probed, probed.world().keys)
    says(await probe(), HEALTHY)
    tamper(
        probed.folder,
        "UPDATE ledger SET line = CAST(replace(line, 'a.b', 'a.x') AS BLOB) WHERE seq = 2",
    )
    says(await probe(), HEALTHY)
    probed.later(days=1, seconds=1)
    says(await probe(), UNHEALTHY)


async def test_cut_tail_is_told(probed: Probed) -> None:
    await write(probed, "a.b", "a.c")
    probe = Ledger(probed.store, probed, probed.world().keys)
    says(await probe(), HEALTHY)
    tamper(probed.folder, "DELETE FROM ledger WHERE seq = 3")
    found = await probe()
    says(found, UNHEALTHY)
    assert "entry 3 was there" in found.parts[0].sentence


async def test_entries_of_a_strange_key_are_unhealthy(probed: Probed) -> None:
    await write(probed, "a.b")
    probed.trusted = PublicKeys(Ed25519Key(b"x" * 32).public)
    says(await Ledger(probed.store, probed, probed.world().keys)(), UNHEALTHY)
    says(await Keys(probed.store, probed.world().keys)(), HEALTHY)
    probed.key = Ed25519Key(b"x" * 32)
    world = probed.world().keys
    probed.file.unlink()
    probed.file.write_text("eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=\n")
    probed.file.chmod(0o600)
    says(await Keys(probed.store, world)(), UNHEALTHY, "is not trusted")


async def test_key_that_was_rotated_is_told_of(probed: Probed) -> None:
    await write(probed, "a.b")
    old, probed.key = probed.key, Ed25519Key(b"x" * 32)
    probed.trusted = PublicKeys(old.public, probed.key.public)
    keys = probed.world().keys
    says(await Keys(probed.store, keys)(), DEGRADED, "would be loaded")
    probed.file.write_text("eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=\n")
    says(await Keys(probed.store, keys)(), HEALTHY, "the newest entry is by the earlier")


async def test_key_file_is_looked_at(probed: Probed) -> None:
    probe = Keys(probed.store, probed.world().keys)
    says(await probe(), HEALTHY, "signs")
    probed.file.chmod(0o644)
    says(await probe(), UNHEALTHY, "chmod 600")
    probed.file.chmod(0o600)
    secret = probed.file.read_text()
    probed.file.write_text(f"broken {secret}")
    found = await probe()
    says(found, DEGRADED, "cannot be loaded anew")
    assert secret.strip() not in found.sentence
    probed.file.unlink()
    says(await probe(), DEGRADED, "cannot be found")


async def test_unreadable_newest_entry_is_unhealthy(probed: Probed) -> None:
    await write(probed, "a.b")
    tamper(probed.folder, "UPDATE ledger SET line = CAST('{}' AS BLOB)")
    says(await Keys(probed.store, probed.world().keys)(), UNHEALTHY, "cannot be read")


async def test_policy_is_in_force_once_the_forge_is_reached(probed: Probed) -> None:
    says(await PolicyFiles(probed.world().rules)(), UNHEALTHY, "until the forge is reached")
    probed.policy = make_policy()
    says(await PolicyFiles(probed.world().rules)(), HEALTHY, "in force")


async def test_policies_of_repositories_are_read(probed: Probed) -> None:
    probed.policy, probed.refs["trigger_mesh"] = make_policy(), REF
    probe = PolicyFiles(probed.world().rules)
    says(await probe(), HEALTHY)
    probed.files.problems = ("line 3: no such condition",)
    found = await probe()
    says(found, DEGRADED, "1 policy of repositories")
    assert [(part.log, part.sentence) for part in found.parts] == [
        (REF.log, "line 3: no such condition")
    ]
    assert REF.repository not in found.sentence
    probed.files.error = ForgeUnavailable("it is down")
    assert (await probe()).parts[0].sentence == "it is down"
    probed.missing.append("queue")
    found = await probe()
    says(found, DEGRADED, "without a repository")
    assert [part.name for part in found.parts] == ["queue", REF.log]


async def test_what_stops_grace_is_told(probed: Probed) -> None:
    probe = Brakes(probed.store, probed.world().work)
    says(await probe(), HEALTHY)
    await probed.store.set_kill_switch(on=True, actor="rita", now=NOW)
    says(await probe(), DEGRADED, "kill switch is on")
    probed.failures["brakes"] = "acme/mesh cannot be read"
    says(await probe(), UNHEALTHY, "cannot be read")
