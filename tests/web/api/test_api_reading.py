"""What the API tells: each list and each thing, in its shape."""

import json
from typing import Any

import pytest

from grace.adapters.keys import PublicKeys
from grace.domain.audit import split_lines, verify_store_lines
from grace.domain.package import MissionPackage
from grace.domain.render import why
from grace.domain.verdict import Verdict
from support.hub_world import LOG, REF, HubWorld, Served

BASE = "/mission-control"
AGENT = "candidate:alice"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def ask(read_only: Served) -> Served:
    return read_only


@pytest.fixture
def world(read_only: Served) -> HubWorld:
    return read_only.world


async def get(ask: Served, path: str, who: str = "viewer", **query: Any) -> Any:
    answer = await ask(who).get(f"{BASE}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_status_has_the_fields_of_the_contract(ask: Served) -> None:
    found = await get(ask, "status")
    counts = {
        "total_missions": 5,
        "open_missions": 2,
        "in_progress_missions": 1,
        "observing_missions": 0,
        "resolved_missions": 1,
        "escalated_missions": 1,
    }
    assert {name: found[name] for name in counts} == counts
    assert (found["git_branch"], found["grace_version"]) == ("main", "0")
    assert (found["environment"], found["overall_health"]) == ("test", "degraded")
    assert found["kill_switch"] is False
    assert [each["name"] for each in found["subsystems"]] == ["forge_api"]
    assert found["feed_position"] > 100


async def test_missions_are_listed_newest_first_in_pages(ask: Served, world: HubWorld) -> None:
    seen: list[str] = []
    client, path = ask("viewer"), f"{BASE}/missions?limit=2"
    while path:
        answer = await client.get(path)
        page = answer.json()
        seen += [row["mission_id"] for row in page["missions"]]
        path = answer.links["next"]["url"] if page["next"] else ""
        assert ("next" in answer.links) is (page["next"] is not None)
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("query", "stories"),
    [
        ({"status": "resolved"}, {"resolved"}),
        ({"phase": "gating"}, {"gating"}),
        ({"outcome": "rolled_back"}, {"rolled_back"}),
        ({"live": "true"}, {"gating", "fresh", "invalid"}),
        ({"severity": "low"}, {"invalid"}),
        ({"subsystem": "trigger_mesh", "live": "true"}, {"gating", "fresh"}),
        ({"text": "nothing like it"}, set()),
    ],
)
async def test_missions_are_filtered(
    ask: Served, world: HubWorld, query: dict[str, str], stories: set[str]
) -> None:
    found = await get(ask, "missions", **query)
    wanted = {world.missions[story] for story in stories}
    assert {row["mission_id"] for row in found["missions"]} == wanted


async def test_mission_is_the_package_and_where_it_stands(ask: Served, world: HubWorld) -> None:
    found = await get(ask, f"missions/{world.missions['rolled_back']}")
    package = MissionPackage.model_validate(
        {name: found[name] for name in MissionPackage.model_fields}
    )
    assert package.mission_id == world.missions["rolled_back"]
    assert len(package.crypto_signatures) == len(package.remediation_history) > 10
    assert (found["phase"], found["outcome"], found["repository"]) == (
        "closed",
        "rolled_back",
        REF.repository,
    )
    assert found["window"]["verdict"] == "regress"
    assert found["revert"]["landed"]["sha"]
    assert found["links"]["issue"] == "https://forge.test/acme/mesh/issues/2"
    assert found["links"]["capa"].startswith("https://forge.test/acme/mesh/issues/")
    assert (found["claim"], found["why"]) == (None, None)
    waiting = await get(ask, f"missions/{world.missions['gating']}")
    assert waiting["why"].startswith("wait: approvals: 0 of 1")


async def test_mission_whose_contract_does_not_parse_says_why(ask: Served, world: HubWorld) -> None:
    found = await get(ask, f"missions/{world.missions['invalid']}")
    assert found["phase"] == "invalid"
    assert "subsystem_id" in {error["field"] for error in found["errors"]}
    assert "severity" not in found


async def test_verdict_says_the_sentence_of_check_and_comment(ask: Served, world: HubWorld) -> None:
    name = world.missions["gating"]
    found = await get(ask, f"missions/{name}/verdict")
    stored = await world.store.find(name)
    assert stored is not None
    verdict = Verdict.model_validate(stored[2])
    assert found["why"] == why(verdict.root)
    assert "0 of 1 approvals" in found["why"]
    assert found["tree"] == verdict.root.model_dump(mode="json")
    assert (found["result"], found["policy_hash"]) == ("pending", verdict.policy_hash)
    assert found["evaluated_at"] is not None
    (row,) = (await get(ask, "missions", phase="gating"))["missions"]
    assert row["waits_for"] == found["why"]


async def test_entries_of_a_mission_carry_the_line_that_was_signed(
    ask: Served, world: HubWorld
) -> None:
    name = world.missions["gating"]
    found = await get(ask, f"missions/{name}/entries", limit=200)
    stored = await world.store.mission_entries(LOG, name)
    assert [e["line"].encode() for e in found["entries"]] == [e.line for e in stored]
    assert found["next"] is None
    first = await get(ask, f"missions/{name}/entries", limit=3)
    assert [e["seq"] for e in first["entries"]] == [e.envelope.seq for e in stored[:3]]
    rest = await get(ask, f"missions/{name}/entries", limit=200, after=first["next"])
    assert [e["seq"] for e in rest["entries"]] == [e.envelope.seq for e in stored[3:]]
    assert all(e["sentence"] for e in found["entries"])


async def test_log_can_be_verified_from_its_lines_and_the_published_keys(
    ask: Served, world: HubWorld
) -> None:
    client = ask("viewer")
    path, content = f"{BASE}/ledger/{LOG}/entries?limit=40", b""
    while path:
        answer = await client.get(path, headers={"Accept": "application/x-ndjson"})
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        content += answer.content
        path = answer.links["next"]["url"] if "next" in answer.links else ""
    published = (await get(ask, "keys", "nobody known"))["keys"]
    keys = PublicKeys.parse("\n".join(key["public_key"] for key in published), "keys")
    report = verify_store_lines(split_lines(content), keys)
    assert report.ok, report.lines()
    (log,) = (await get(ask, "ledger"))["logs"]
    assert report.head is not None
    assert (log["log"], log["count"], log["hash"]) == (LOG, report.entries, report.head.hash)
    assert log["key_id"] == published[0]["key_id"]
    changed = content.replace(b"alice", b"malle")
    assert not verify_store_lines(split_lines(changed), keys).ok


async def test_entries_of_a_log_come_as_json_too(ask: Served) -> None:
    found = await get(ask, f"ledger/{LOG}/entries", limit=2)
    assert [e["seq"] for e in found["entries"]] == [1, 2]
    assert found["next"] == 2
    rest = await get(ask, f"ledger/{LOG}/entries", after=2, limit=1)
    assert [e["seq"] for e in rest["entries"]] == [3]


async def test_evidence_shows_what_verdicts_were_made_from(ask: Served, world: HubWorld) -> None:
    name = world.missions["gating"]
    found = await get(ask, f"missions/{name}/evidence")
    assert found["kept"]
    assert {"head"} <= found["kept"][0]["body"].keys()
    first = await get(ask, f"missions/{name}/evidence", limit=1)
    assert len(first["kept"]) == 1
    assert first["next"] == first["kept"][0]["seq"]
    rest = await get(ask, f"missions/{name}/evidence", after=first["next"])
    assert [*first["kept"], *rest["kept"]] == found["kept"]


async def test_observation_is_one_series_a_metric(ask: Served, world: HubWorld) -> None:
    found = await get(ask, f"missions/{world.missions['rolled_back']}/observation")
    series = {each["metric_id"]: each for each in found["series"]}
    assert list(series) == ["trigger_mesh.latency_p95", "error_rate"]
    assert (series["error_rate"]["guard"], series["error_rate"]["unit"]) == (True, "%")
    assert [p["value"] for p in series["error_rate"]["points"]] == [90.0] * 3
    assert series["error_rate"]["judged"]["result"] == "fail"
    assert series["trigger_mesh.latency_p95"]["judged"]["result"] == "pass"
    assert series["trigger_mesh.latency_p95"]["baseline"]["source"] == "stress run of the base"
    assert found["window"]["anchored_to"] == "deployment"
    before = await get(ask, f"missions/{world.missions['fresh']}/observation")
    assert before["window"] is None
    assert [each["judged"] for each in before["series"]] == [None, None]


async def test_activity_is_filtered_and_read_on_with_its_cursor(
    ask: Served, world: HubWorld
) -> None:
    closed = await get(ask, "activity", pattern="mission.closed")
    assert [e["kind"] for e in closed["entries"]] == ["mission.closed"] * 2
    both = await ask("viewer").get(
        f"{BASE}/activity?pattern=mission.closed&pattern=mission.merged&limit=3"
    )
    kinds = {e["kind"] for e in both.json()["entries"]}
    assert kinds == {"mission.closed", "mission.merged"}
    rest = await get(
        ask, "activity", pattern="mission.closed", after=closed["entries"][0]["position"]
    )
    assert [e["position"] for e in rest["entries"]] == [closed["entries"][1]["position"]]
    mine = await get(ask, "activity", mission=world.missions["gating"], limit=200)
    assert {e["mission"] for e in mine["entries"]} == {world.missions["gating"]}


async def test_trust_is_shown_and_explained(ask: Served, world: HubWorld) -> None:
    (row,) = (await get(ask, "trust-scores"))["trust_scores"]
    assert (row["agent_id"], row["subsystem"], row["role"]) == (AGENT, "trigger_mesh", "developer")
    assert set(row["scores"]) == {"critical", "high", "medium", "low"}
    assert (await get(ask, f"trust-scores/{AGENT}"))["trust_scores"] == [row]
    (found,) = (await get(ask, f"trust-scores/{AGENT}/explanation", severity="high"))[
        "explanations"
    ]
    assert [m["weight"] for m in found["missions"]] == [
        "raises it",
        "empties it: it was rolled back",
    ]
    assert found["score"] == row["scores"]["high"]
    none = await ask("viewer").get(f"{BASE}/trust-scores/somebody%2Felse%23a")
    assert none.status_code == 404


async def test_metrics_never_tell_where_their_source_is(ask: Served) -> None:
    found = await get(ask, "metrics")
    rows = {each["metric_id"]: each for each in found["metrics"]}
    assert rows["error_rate"]["source"] == "prometheus_text"
    assert rows["unmeasured"]["source"] is None
    assert "127.0.0.1" not in json.dumps(found)


async def test_queue_is_the_most_urgent_first(ask: Served, world: HubWorld) -> None:
    found = await get(ask, "queue")
    order = [world.missions[story] for story in ("gating", "fresh", "invalid")]
    assert [row["mission_id"] for row in found["missions"]] == order
