"""The whole life of a CAPA, with the process killed at each step of it."""

import itertools
import re
from pathlib import Path

from grace.adapters.sqlite.store import SqliteStore
from grace.domain.capa import CapaState
from support.capa_desk import DAY, KEY, NOW, REF, Desk, KilledError, asked


async def _whole_life(desk: Desk, name: str) -> None:
    """Do what people and time do, from wherever it was left."""
    page, _ = await desk.capas.page(None)
    if not page:
        await desk.capas.open(asked(mission_id=name, check_at=NOW + 60 * DAY), REF, "rita")
    await desk.capas.round()
    desk.at = max(desk.at, NOW + 14 * DAY)
    await desk.capas.round()
    ((capa,), _) = await desk.capas.page(None)
    if capa.state is CapaState.OPEN:
        await desk.capas.change(capa.capa_id, {"state": "closed"}, "rita")
    await desk.capas.round()
    desk.at = max(desk.at, NOW + 60 * DAY)
    await desk.capas.round()


async def test_process_killed_at_any_step_does_nothing_twice(tmp_path: Path) -> None:
    steps = 0
    for moment in itertools.count(1):
        store = await SqliteStore.open(tmp_path / f"{moment}.db", KEY)
        desk = Desk(store)
        name = await desk.mission()
        desk.forge.fuse.left = moment
        died = False
        try:
            await _whole_life(desk, name)
        except KilledError:
            died = True
            await store.close()
            desk.store = store = await SqliteStore.open(tmp_path / f"{moment}.db", KEY)
            desk.sit()
            await _whole_life(desk, name)
        (issue,) = desk.forge.issues.values()
        said = [re.findall(r":capa-([a-z]+)-", comment)[0] for comment in issue["comments"]]
        assert said == ["reminder", "closed", "check"], moment
        kinds = ["opened", "filed", "reminded", "closed", "checked"]
        told = [kind for kind in await desk.kinds() if kind.startswith("capa.")]
        assert told == [f"capa.{kind}" for kind in kinds], moment
        assert issue["open"] is False
        await store.close()
        steps += died
        if not died:
            break
    assert steps > 25
