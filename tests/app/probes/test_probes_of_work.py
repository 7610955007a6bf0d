"""Each probe of what comes in, works and goes out fails when its thing fails."""

import asyncio
from datetime import timedelta

import pytest

from grace.adapters.sqlite.store import SqliteStore
from grace.app.mesh import Lag
from grace.app.observe import Budget
from grace.app.probes.agents import Agents, Playbooks
from grace.app.probes.findings import Finding
from grace.app.probes.forge import ForgeApi, RateBudget
from grace.app.probes.intake import AlertSources, Reconciliation, WebhookIntake
from grace.app.probes.outlets import CapaRegister, LiveFeed, Outlets
from grace.app.probes.testing import ContinuousIntegration, MetricSources
from grace.app.probes.work import Deadlines, Inbox, Outbox, WorkerLoop
from grace.domain.catalog import MetricDefinition, PrometheusQuery, PrometheusText
from grace.domain.effects import PublishLedger
from grace.domain.events import Actor, CommandGiven
from grace.domain.health import HealthState
from grace.domain.lease import Lease
from grace.domain.mission import Mission
from grace.domain.package import MissionType
from grace.ports import Delivery, ForgeRefused, ForgeUnavailable, Routed, Ruling, Target, Translated
from support.capa_desk import store_mission
from support.past import KEY, write_past
from support.probed import DEFINITION, NOW, REF, Probed
from support.world import make_policy

HEALTHY, DEGRADED, UNHEALTHY = HealthState
HOOKS = "/hooks/github"


def says(finding: Finding, state: HealthState, words: str = "") -> None:
    assert finding.state is state, finding
    assert words in finding.sentence, finding


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ForgeUnavailable("it is down"), "go on by themselves"),
        (ForgeRefused("bad key", 401), "Check the App's id"),
    ],
)
async def test_forge_that_does_not_answer_is_unhealthy(
    probed: Probed, error: Exception, words: str
) -> None:
    probe = ForgeApi(probed.world().forge)
    says(await probe(), HEALTHY)
    probed.unreachable = error
    says(await probe(), UNHEALTHY, words)


async def test_budget_that_runs_out_is_told_by_installation(probed: Probed) -> None:
    probe = RateBudget(probed.world().forge)
    says(await probe(), HEALTHY, "no call has told it")
    plenty = {"requests_per_hour": 4000, "content_per_hour": None}
    probed.budgets += [Budget(3, 0, 0.0, plenty)]
    says(await probe(), HEALTHY, "4000 requests")
    for short in (
        Budget(4, 0, 30.0, plenty),
        Budget(4, 0, 0.0, {"requests_per_hour": 100}),
        Budget(4, 0, 0.0, {"content_per_hour": 3}),
        Budget(4, 80, 0.0, plenty),
    ):
        probed.budgets[1:] = [short]
        found = await probe()
        says(found, DEGRADED, "limits")
        assert [part.name for part in found.parts] == ["installation 4"]


async def test_shut_door_is_unhealthy(probed: Probed) -> None:
    probe = WebhookIntake(probed.world().door, probed.world().work)
    says(await probe(), HEALTHY, "0 webhooks")
    host, port = probed.address or ("", 0)
    probed.address = ("0.0.0.0", port)
    says(await probe(), HEALTHY)
    probed.address = (host, 1)
    says(await probe(), UNHEALTHY, "does not take connections")
    probed.address = None
    says(await probe(), UNHEALTHY, "does not listen")


async def test_refused_webhooks_are_told_while_none_is_taken(probed: Probed) -> None:
    probe = WebhookIntake(probed.world().door, probed.world().work)
    probed.counted[HOOKS, "401"] = 3
    says(await probe(), DEGRADED, "webhook secret")
    probed.counted["github", "accepted"] = 1
    says(await probe(), HEALTHY, "1 webhook taken")
    for _ in range(20):  # five minutes later only what is new counts
        says(await probe(), HEALTHY)
    probed.counted[HOOKS, "401"] = 4
    says(await probe(), DEGRADED)


async def test_polling_awaits_no_webhook_and_redelivery_that_fails_is_told(probed: Probed) -> None:
    probed.hears = False
    probe = WebhookIntake(probed.world().door, probed.world().work)
    says(await probe(), HEALTHY, "polled")
    probed.failures["redelivery"] = "acme/mesh: secret"
    found = await probe()
    says(found, DEGRADED, "send again")
    assert "acme" not in found.sentence


@pytest.mark.parametrize("part", ["sweep", "news", "reconciliation"])
async def test_failing_reading_of_the_forge_is_told_without_its_words(
    probed: Probed, part: str
) -> None:
    probe = Reconciliation(probed.world().work)
    says(await probe(), HEALTHY)
    probed.failures[part] = "acme/mesh is gone"
    found = await probe()
    says(found, DEGRADED, part)
    assert "acme" not in found.sentence


async def test_refused_alerts_are_told(probed: Probed) -> None:
    probed.alerts = False
    says(await AlertSources(probed.world().door)(), HEALTHY, "no alert source")
    probed.alerts = True
    probe = AlertSources(probed.world().door)
    says(await probe(), HEALTHY, "0 alert webhooks")
    probed.counted["/alerts/custom/{name}", "401"] = 1
    says(await probe(), DEGRADED, "1 alert webhooks were refused")
    probed.counted["alerts", "accepted"] = 1
    says(await probe(), HEALTHY, "1 alert webhook")


async def test_inbox_that_nobody_reads_is_unhealthy(probed: Probed) -> None:
    probe = Inbox(probed.store, probed, probed.world().work)
    says(await probe(), HEALTHY)
    await probed.store.accept(Delivery("forge", "d1", "issues", b"{}", NOW))
    for _ in range(4):
        says(await probe(), HEALTHY, "1 delivery waiting")
    says(await probe(), UNHEALTHY, "none is read")
    probed.failures["inbox"] = "boom"
    says(await probe(), UNHEALTHY, "fails")


async def test_full_inbox_is_degraded(probed: Probed) -> None:
    many = [Delivery("forge", f"d{n}", "issues", b"{}", NOW) for n in range(500)]
    await asyncio.gather(*(probed.store.accept(delivery) for delivery in many))
    says(await Inbox(probed.store, probed, probed.world().work)(), DEGRADED, "500")


async def test_effects_that_were_put_off_or_cannot_begin_are_told(probed: Probed) -> None:
    probe = Outbox(probed.store, probed, probed.world().work)
    says(await probe(), HEALTHY)
    mission = await store_mission(probed.store, NOW, 1)
    turn = await probed.store.turn(mission.uid)
    assert turn is not None
    effects = (_effect("a"),)
    await probed.store.commit(turn, Ruling(mission, turn.facts, (), effects, None, (), None), NOW)
    says(await probe(), HEALTHY, "1 effect waiting")
    (job,) = await probed.store.jobs(NOW, 1)
    await probed.store.begin(job.id)
    await probed.store.postpone(job.id, NOW + timedelta(hours=1), "down")
    says(await probe(), DEGRADED, "put off")
    for name in ("outbox", "store"):
        probed.failures = {name: "boom"}
        probe = Outbox(probed.store, probed, probed.world().work)
        says(await probe(), UNHEALTHY, "see the log")


async def test_dead_loop_and_missions_without_turns_are_told(probed: Probed) -> None:
    probe = WorkerLoop(probed.store, probed, probed.world().work)
    says(await probe(), HEALTHY)
    probed.alive["sweep"] = False
    says(await probe(), UNHEALTHY, "sweep ended")
    probed.alive["sweep"] = True
    probed.failures[f"mission {REF}"] = "acme/mesh: boom"
    says(await probe(), DEGRADED, "1 mission cannot be decided")
    probed.failures["missions"] = "boom"
    says(await probe(), UNHEALTHY, "no turns")


async def test_events_that_nobody_handles_are_told(probed: Probed) -> None:
    probe = WorkerLoop(probed.store, probed, probed.world().work)
    mission = await store_mission(probed.store, NOW, 1)
    await _wait_for(probed.store, mission)
    for _ in range(4):
        says(await probe(), HEALTHY)
    says(await probe(), DEGRADED, "not getting fewer")


async def test_deadline_that_nobody_heeds_and_clock_that_jumps_are_told(probed: Probed) -> None:
    mission = await store_mission(probed.store, NOW, 1)
    turn = await probed.store.turn(mission.uid)
    assert turn is not None
    await probed.store.commit(turn, Ruling(mission, turn.facts, (), (), NOW, (), None), NOW)
    probe = Deadlines(probed.store, probed)
    for _ in range(4):
        says(await probe(), HEALTHY, "1 deadline passed")
    says(await probe(), UNHEALTHY, "not heeded")
    probe = Deadlines(probed.store, probed)
    says(await probe(), HEALTHY)
    for hours in (1, -2):
        probed.later(hours=hours)
        says(await probe(), DEGRADED, "jumped")
        says(await probe(), HEALTHY)


async def test_ci_that_does_not_report_is_told_by_mission(probed: Probed) -> None:
    probe = ContinuousIntegration(probed.store, probed, probed.world().rules)
    says(await probe(), DEGRADED, "not known")
    probed.policy = make_policy()
    says(await probe(), HEALTHY, "0 missions")


async def test_head_without_a_report_is_late_after_half_of_the_timeout(probed: Probed) -> None:
    worlds = await write_past(
        probed.folder / "past.db", [lambda w: w.file(), lambda w: w.file().ci()]
    )
    store = await SqliteStore.open(probed.folder / "past.db", KEY)
    probed.store, probed.policy = store, make_policy()
    attempt = worlds[0].mission.attempt
    assert attempt is not None
    assert attempt.pushed_at is not None
    probe = ContinuousIntegration(store, probed, probed.world().rules)
    probed.at = attempt.pushed_at + timedelta(minutes=29)
    says(await probe(), HEALTHY)
    probed.at = attempt.pushed_at + timedelta(minutes=31)
    found = await probe()
    says(found, DEGRADED, "has not reported for 1")
    assert [(part.name, part.log) for part in found.parts] == [
        (worlds[0].mission.name, worlds[0].mission.ref.log)
    ]
    await store.close()


def metric(**source: object) -> MetricDefinition:
    url = "http://127.0.0.1:9/metrics"
    made = PrometheusText.model_validate({"url": url, "series": "s"} | source)
    return MetricDefinition.model_validate(DEFINITION | {"source": made})


async def test_silent_metric_source_is_told_and_a_rate_is_asked_as_it_stands(
    probed: Probed,
) -> None:
    says(await MetricSources(probed.world().catalog, probed.sources)(), HEALTHY, "no metric")
    query = PrometheusQuery(url="http://127.0.0.1:9", query="up")
    probed.metrics = {
        "p95": metric(quantile=0.95),
        "rate": metric(per="t"),
        "q": MetricDefinition.model_validate(DEFINITION | {"source": query}),
        "unmeasured": MetricDefinition.model_validate(DEFINITION),
    }
    probe = MetricSources(probed.world().catalog, probed.sources)
    says(await probe(), HEALTHY, "3 metrics answered")
    asked = {name: d.source for name, d in probed.sources.asked.items()}
    assert isinstance(asked["p95"], PrometheusText)
    assert (asked["p95"].series, asked["p95"].quantile) == ("s_count", None)
    assert isinstance(asked["rate"], PrometheusText)
    assert (asked["rate"].series, asked["rate"].per) == ("s", None)
    assert asked["q"] == query
    probed.sources.silent = {"p95": "2 series match s_count: narrow it by labels to one"}
    says(await probe(), HEALTHY)
    probed.sources.silent = {"p95": "not reachable"}
    found = await probe()
    says(found, DEGRADED, "1 of 3")
    assert [part.name for part in found.parts] == ["p95"]
    probed.sources.silent = dict.fromkeys(probed.metrics, "not reachable")
    says(await probe(), UNHEALTHY, "3 of 3")


async def test_claim_that_ran_out_is_told_until_it_is_given_back(probed: Probed) -> None:
    probe = Agents(probed.store, probed)
    says(await probe(), HEALTHY, "0 missions")
    mission = await store_mission(probed.store, NOW, 1)
    lease = Lease(
        mission_id=mission.name,
        agent_id="coder-1",
        agent_role="developer",
        holder="token x",
        since=NOW,
        until=NOW + timedelta(minutes=10),
    )
    await probed.store.claim(lease, NOW)
    says(await probe(), HEALTHY, "1 mission claimed")
    probed.later(minutes=11)
    found = await probe()
    says(found, DEGRADED, "ran out")
    assert [(part.name, part.log) for part in found.parts] == [("coder-1", REF.log)]
    probed.later(days=2)
    says(await probe(), HEALTHY)
    probed.at = NOW + timedelta(minutes=11)
    other = lease.model_copy(
        update={
            "agent_id": "coder-2",
            "since": probed.at,
            "until": probed.at + timedelta(minutes=5),
        }
    )
    await probed.store.claim(other, probed.at)
    says(await probe(), HEALTHY)
    assert await probed.store.release(mission.name, "token x", probed.at)
    probed.later(minutes=6)
    says(await probe(), HEALTHY, "0 missions claimed")


async def test_healing_mission_that_is_held_without_a_playbook_is_told(probed: Probed) -> None:
    probe = Playbooks(probed.store, probed.world().work)
    says(await probe(), HEALTHY, "no playbook is installed")
    mission = await store_mission(probed.store, NOW, 1)
    turn = await probed.store.turn(mission.uid)
    assert turn is not None
    request = mission.request.model_copy(update={"mission_type": MissionType.HEALING})
    held = mission.with_(request=request, held="no candidate")
    await probed.store.commit(turn, Ruling(held, turn.facts, (), (), None, (), None), NOW)
    found = await probe()
    says(found, DEGRADED, "no playbook is installed, and 1")
    assert [(part.name, part.log) for part in found.parts] == [(mission.name, REF.log)]
    probed.playbooks.append("high_latency")
    says(await probe(), DEGRADED, "1 playbook installed")


async def test_subscriber_that_lags_or_fails_is_told(probed: Probed) -> None:
    probe = LiveFeed(probed.world().work)
    says(await probe(), HEALTHY, "0 subscribers")
    well = Lag(position=9, behind=3, waits_s=1.0, failures=0, failure=None)
    probed.lags = {"a": well, "b": well}
    says(await probe(), HEALTHY)
    for bad in (
        Lag(position=9, behind=3, waits_s=31.0, failures=0, failure=None),
        Lag(position=9, behind=1001, waits_s=0.0, failures=0, failure=None),
        Lag(position=9, behind=0, waits_s=0.0, failures=2, failure="acme/mesh"),
    ):
        probed.lags["b"] = bad
        found = await probe()
        says(found, DEGRADED, "1 of 2")
        assert "acme" not in found.parts[0].sentence
    probed.lags["a"] = probed.lags["b"]
    says(await probe(), UNHEALTHY)


async def test_channel_that_does_not_take_its_news_is_told(probed: Probed) -> None:
    probe = Outlets(probed.world().work)
    says(await probe(), HEALTHY, "nobody outside")
    probed.outlet("webhooks", parts={"ops": {"delivered": 3}})
    says(await probe(), HEALTHY, "1 channel or webhook")
    for state in (
        {"failure": "boom"},
        {"parts": {"ops": {"failed": 2}}},
        {"off": {"ops": "gone"}},
    ):
        probed.outlet("webhooks", **state)
        says(await probe(), DEGRADED, "not everybody")


async def test_register_that_cannot_do_its_work_is_told(probed: Probed) -> None:
    probe = CapaRegister(probed.world().work)
    says(await probe(), HEALTHY)
    probed.failures["capas"] = "acme/mesh"
    says(await probe(), DEGRADED, "CAPAs")


def _effect(key: str) -> PublishLedger:
    return PublishLedger(key=key)


async def _wait_for(store: SqliteStore, mission: Mission) -> None:
    """Let an event wait for a mission."""
    await store.accept(Delivery("forge", "waits", "issues", b"", NOW))
    (stored,) = await store.unrouted(10)
    event = CommandGiven(id="c2", name="hold", actor=Actor(login="octo"))
    routed = Routed(target=Target(ref=REF, uid=mission.uid), event=event)
    assert await store.route(stored.id, Translated([routed], ""), NOW) == 1
