"""A storm of 10,000 alerts, from the bytes in the inbox to what is owed at the forge."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

import pytest

from bench.figures import tell
from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.app.inlets import ROUTED
from grace.app.worker import rule
from grace.domain.effects import FileIssue
from grace.domain.events import AlertSeen
from grace.domain.mission import MissionRef
from grace.ports import Delivery, Routed, Target, Translated
from support.phases import alert_request
from support.world import make_policy

pytestmark = pytest.mark.bench

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
REF = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh")
DELIVERIES, EACH = 10, 1000
SECONDS = 10.0


def part(number: int) -> bytes:
    """Make one delivery of the storm, as the door stores it."""
    request = alert_request()
    alerts = [
        AlertSeen(
            source="alertmanager",
            fingerprint=f"f{number * EACH + n}",
            status="firing",
            title=f"Latency of pod {n}",
            request=request,
            at=START,
            labels={"service": f"s{n % 9}", "pod": f"p{n}"},
        )
        for n in range(EACH)
    ]
    routed = [Routed(target=Target(ref=REF, alert=a.fingerprint), event=a) for a in alerts]
    return ROUTED.dump_json(routed)


async def test_ten_thousand_alerts_are_a_handful_of_missions(tmp_path: Path) -> None:
    parts, policy = [part(number) for number in range(DELIVERIES)], make_policy()
    store = await SqliteStore.open(tmp_path / "grace.db", Ed25519Key(bytes(range(32))))
    placing = turns = 0.0
    filed = events = 0
    try:
        for number, body in enumerate(parts):
            now = START + timedelta(seconds=20 * number)
            await store.accept(Delivery("alerts", str(number), "alerts", body, now))
            (delivery,) = await store.unrouted(10)
            began = process_time()
            said = Translated(ROUTED.validate_json(delivery.body), "")
            await store.route(delivery.id, said, now)
            placing += process_time() - began
            began = process_time()
            for uid in await store.due(now, 1000):
                turn = await store.turn(uid)
                assert turn is not None
                ruling = rule(turn, policy, now)
                assert await store.commit(turn, ruling, now)
                events += len(turn.events)
                filed += sum(isinstance(e, FileIssue) for e in ruling.effects)
            turns += process_time() - began
        missions = len(await store.missions())
        head = await store.head(REF.log)
        assert head is not None
        entries = head.seq
    finally:
        await store.close()
    tell(
        f"{DELIVERIES * EACH:,} alerts in {DELIVERIES} deliveries: {missions} missions, {filed} issues",
        f"{events} events, {entries} ledger entries",
        f"placed in {placing:.2f} s of CPU, decided in {turns:.2f} s",
    )
    assert missions == filed <= 6
    assert entries < 100
    assert placing + turns < SECONDS
