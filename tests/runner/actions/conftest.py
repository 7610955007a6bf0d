"""Real SQLite databases, and real processes that hold them."""

import os
import subprocess
import sys

import pytest

from support.acting import Acting
from support.postgresql_server import PROGRAMS, server
from support.shop_database import APPLICATION, make_database
from support.store_database import Store

HOLD = """
import os, signal, sqlite3, sys
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[3])
if sys.argv[3].startswith("BEGIN"):
    connection.execute("INSERT INTO orders (note) VALUES ('unfinished')")
os.setuid(int(sys.argv[4]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=[pytest.param("delete", marks=pytest.mark.stress), "wal"])
def shop(request, tmp_path):
    return make_database(tmp_path / "shop.db", request.param)


@pytest.fixture(params=["delete", "wal"])
def both(request, tmp_path):
    """The shop in both ways in which SQLite writes, where that makes the difference."""
    return make_database(tmp_path / "shop.db", request.param)


@pytest.fixture
def acting(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    return Acting({"path": str(tmp_path / "shop.db"), "application_id": APPLICATION}, folder)


@pytest.fixture
def hold():
    """Start a process that holds a database; all are ended afterwards."""
    started = []

    def start(path, how="polite", statement="BEGIN IMMEDIATE", user=None):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path), how, statement, str(user or os.getuid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def postgresql():
    if PROGRAMS is None:
        pytest.skip("postgresql is not installed: apt-get install postgresql")
    with server() as made:
        yield made


@pytest.fixture
def store(postgresql, tmp_path):
    """A database of a shop, its owner no superuser; dropped at the end with all its kin."""
    made = Store(postgresql, tmp_path)
    made.make()
    yield made
    made.drop()
