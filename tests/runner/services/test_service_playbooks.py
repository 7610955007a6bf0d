import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import threading

import httpx
import pytest

from grace.domain.playbooks.run import RunState
from support.carried import Carried, Killed, states
from support.leaky_service import serve
from support.package_index import digest, file, served_index
from support.service_servers import redis_at, supervised


@pytest.fixture
def leaking(tmp_path):
    folder = tmp_path / "supervisord"
    folder.mkdir()
    with supervised(folder, count=1, leak_kb=20) as made:
        url = f"http://127.0.0.1:{made.ports[0]}"
        httpx.get(f"{url}/eat")
        more = {"heap_url": f"{url}/heap", "collect_url": f"{url}/collect", "max_rss_mb": 70}
        yield {**made.target, **more}


WATCH = {"seconds": 1.0, "samples": 12}


@pytest.mark.stress
async def test_a_leaking_service_is_healed_with_evidence_first(leaking, tmp_path):
    carried = Carried(tmp_path / "state", "memory-leak-supervisord", leaking, evidence=WATCH)
    report = await carried.run()
    assert report.state is RunState.HEALED, report
    assert states(report) == {
        "evidence": "done",
        "heap": "needless",
        "collect": "done",
        "restart": "done",
        "small": "done",
    }
    evidence = report.steps[0].found
    assert evidence["leaking"] is True
    assert evidence["mb_per_hour"] > 100
    assert "uses" in report.sentence


@pytest.mark.stress
async def test_what_is_large_and_does_not_grow_is_not_restarted(tmp_path):
    folder = tmp_path / "supervisord"
    folder.mkdir()
    with supervised(folder, count=1) as made:
        await asyncio.to_thread(httpx.get, f"http://127.0.0.1:{made.ports[0]}/eat")
        target = {**made.target, "max_rss_mb": 50}
        carried = Carried(tmp_path / "state", "memory-leak-supervisord", target, evidence=WATCH)
        report = await carried.run()
        assert report.state is RunState.FAILED
        assert "no leak was found" in report.sentence
        assert states(report) == {"evidence": "failed"}


@pytest.fixture
def stale(tmp_path):
    """A Redis that is a cache, and a service that no bound is wide enough for."""
    with redis_at(tmp_path) as (path, client), serve(0) as service:
        client.set("grace:identity", "shop")
        client.mset({f"page:{n}": "old" for n in range(20)})
        thread = threading.Thread(target=service.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{service.server_port}/page"
        settings = {
            "kind": "redis",
            "unix_socket": str(path),
            "db": 0,
            "cache": True,
            "expect_marker": "shop",
            "max_latency_ms": 0.001,
            "probe_url": url,
            "warm_urls": url,
        }
        yield client, settings
        service.shutdown()
        thread.join()


@pytest.mark.stress
async def test_a_dry_run_says_what_would_be_done_and_changes_nothing(stale, tmp_path):
    client, settings = stale
    report = await Carried(tmp_path / "state", "high-latency-redis", settings).run(dry=True)
    assert states(report) == {"flush": "skipped", "warm": "skipped"}
    assert "20 keys of database 0 would go" in report.steps[0].sentence
    assert client.dbsize() == 21


async def test_on_the_wrong_target_a_run_is_refused_and_changes_nothing(stale, tmp_path):
    client, settings = stale
    wrong = {**settings, "expect_marker": "bank"}
    report = await Carried(tmp_path / "state", "high-latency-redis", wrong).run()
    assert report.state is RunState.REFUSED
    assert "this is not the target that was meant" in report.sentence
    assert client.dbsize() == 21


async def killed_at(stale, folder, point):
    client, settings = stale
    client.mset({f"page:{n}": "old" for n in range(20)})
    carried = Carried(folder, "high-latency-redis", settings)
    carried.kill_at = point
    try:
        report = await carried.run()
    except Killed:
        report = await carried.resume()
    assert states(report) in (
        {"flush": "done", "warm": "done", "fast": "done"},
        {"flush": "needless", "warm": "done", "fast": "done"},
    )
    assert client.keys() == ["grace:identity"]
    return carried.points >= point


@pytest.mark.stress
@pytest.mark.parametrize("point", [1, 7, 13, 19, 25, 31])
async def test_a_runner_that_is_killed_goes_on_where_it_was(stale, tmp_path, point):
    assert await killed_at(stale, tmp_path / "state", point)


@pytest.mark.stress
async def test_a_group_gets_one_more_process_and_gives_it_back(tmp_path):
    folder = tmp_path / "supervisord"
    folder.mkdir()
    with supervised(folder, started=False) as made:
        broken = f"http://127.0.0.1:{made.ports[0]}/missing"
        settings = {**made.target, "probe_url": broken, "max_latency_ms": 1, "health_url": broken}
        changed = {"scale": {"healthy_seconds": 1}}
        carried = Carried(tmp_path / "state", "high-latency-supervisord", settings, **changed)
        report = await carried.run()
        assert report.state is RunState.UNDONE
        assert states(report)["scale"] == "undone"


@pytest.mark.stress
async def test_a_slow_statement_ends_in_a_patch_with_its_migration(stale, tmp_path):
    _, settings = stale
    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INT)")
        rows = [(n % 400,) for n in range(12_000)]
        connection.executemany("INSERT INTO orders (customer) VALUES (?)", rows)
        connection.execute("PRAGMA application_id = 4711")
        connection.commit()
    database = {
        "kind": "sqlite",
        "path": str(path),
        "application_id": 4711,
        "statements": "SELECT * FROM orders WHERE customer = 7",
        "migrations_folder": "db",
        "probe_url": settings["probe_url"],
        "max_latency_ms": 0.001,
    }
    report = await Carried(tmp_path / "state", "high-latency-sqlite", database).run()
    assert report.state is RunState.HEALED
    assert states(report) == {"analyze": "needless", "advise": "done"}
    assert "+CREATE INDEX IF NOT EXISTS orders_customer_idx ON orders (customer);" in report.diff


@pytest.fixture
def checkout(tmp_path):
    """A repository whose requirements have hashes, and its first commit."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "requirements.txt").write_text("zipp==1 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    git = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "Begin")):
        subprocess.run([*git, *words], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return folder, head.stdout.strip()


@pytest.mark.stress
async def test_a_missing_module_ends_in_a_patch_with_its_requirement(checkout, tmp_path):
    folder, root = checkout
    with served_index() as index:
        index.add("pyyaml", file("PyYAML-6.0.tar.gz"))
        target = {
            "kind": "checkout",
            "checkout": str(folder),
            "expect_root_commit": root,
            "check": f"{sys.executable} -S -c 'import yaml'",
            "index_url": index.url,
        }
        report = await Carried(tmp_path / "state", "import-error", target).run()
    assert report.state is RunState.HEALED
    assert report.sentence.startswith("it ends in a patch: PyYAML 6.0 is added")
    assert f"+    --hash=sha256:{digest('PyYAML-6.0.tar.gz')}" in report.diff
