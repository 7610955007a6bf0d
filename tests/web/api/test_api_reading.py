"""What the API tells: each list and each thing, in its shape."""

from grace.domain.render import why
from grace.domain.verdict import Verdict
from support.hub_world import LOG, HubWorld
from web.api.conftest import Client

BASE = "/mission-control"


async def test_status_has_the_fields_of_the_contract(ask: Client) -> None:
    found = (await ask("viewer").get(f"{BASE}/status")).json()
    print(found)
    assert found["total_missions"] == 5
