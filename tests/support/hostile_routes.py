"""Every address of the composed server, filled with what is there or with what somebody guesses."""

import hashlib
import re
import sqlite3
from collections.abc import Iterator

from grace.domain.access import OWN_LOG
from support.hostile_world import HIDDEN, MESH, SECRET, Hostile

PAGES = ("/", "/activity", "/map", "/queue", "/trust", "/capa", "/ledger")
HTML = {"Accept": "text/html"}
CAPA = {"subsystem_id": "trigger_mesh", "severity": "low", "title": "t", "description": "d"}
MISSION = {
    "subsystem_id": "trigger_mesh",
    "severity": "high",
    "symptoms": [{"description": "slow"}],
    "acceptance_criteria": {"must_pass_tests": ["tests.test_mesh::test_order"]},
}
WRITES = [
    ("POST", "/mission-control/missions", MISSION),
    ("POST", "/mission-control/capa", CAPA),
    ("PATCH", "/mission-control/capa/{capa_id}", {"owner": "me"}),
    ("PUT", "/mission-control/kill-switch", {"on": True}),
    ("POST", "/mission-control/missions/{mission_id}/execute", {}),
    ("POST", "/mission-control/missions/{mission_id}/claim", {"agent_id": "a", "agent_role": "b"}),
    ("POST", "/mission-control/missions/{mission_id}/release", None),
    *(
        ("POST", f"/mission-control/missions/{{mission_id}}/{name}", {"argument": "5"})
        for name in (
            *("hold", "resume", "cancel", "retry", "approve", "veto", "rollback", "extend"),
            *("emergency", "mute", "unmute", "remember", "forget"),
        )
    ),
]


def routes(world: Hostile) -> list[tuple[str, str]]:
    found = (
        (route.method, route.resource.canonical)
        for route in world.app.router.routes()
        if route.resource is not None
    )
    return [(method, path) for method, path in found if method != "HEAD"]


def filled(world: Hostile, path: str, names: dict[str, str]) -> str:
    """Fill a route's address with what is there, or with what somebody guesses."""
    log = names.get("log", MESH.log)
    path = path.replace("{host}/{repository_id}", log)
    given = {
        "mission_id": names.get("visible") or names["mission"],
        "capa_id": names["capa"],
        "submission_id": names.get("submission") or str(world.uids[world.names["gating"]]),
        "agent_id": "candidate:alice",
        "name": "page.js",
        "delivery_id": "msg_" + "0" * 32,
    }
    return re.sub(r"{(\w+)}", lambda found: given[found[1]], path)


def content(world: Hostile) -> str:
    """Hash all that is stored of missions, beside whatever else the process does."""
    connection = sqlite3.connect(world.path)
    try:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()
    finally:
        connection.close()


def asked(world: Hostile) -> Iterator[str]:
    """Write every address to look at, with what a reader could filter, page or guess."""
    names = {**world.hidden, "log": HIDDEN.log}
    for method, path in routes(world):
        if method != "GET" or path in {"/ws", "/events", "/sign-in/callback"}:
            continue
        yield filled(world, path, world.names)
        yield filled(world, path, names)
    for query in (
        "activity?pattern=policy.*",
        "activity?pattern=elite.*",
        f"activity?mission={world.hidden['mission']}",
        f"missions?text={SECRET[:3]}",
        "missions?limit=200",
        f"queue/next?agent_id={SECRET}-agent&agent_role=developer",
        "queue/next?agent_id=x&agent_role=developer",
        "trust-scores/candidate:alice/explanation",
    ):
        yield f"/mission-control/{query}"
    yield f"/ledger?log={HIDDEN.log}"
    yield f"/ledger?log={OWN_LOG}"
    yield f"/activity?mission={world.hidden['mission']}"
    yield "/activity?pattern=policy.*"
    yield "/?text=slow"
