"""Real servers for tests of service actions: Redis, memcached, supervisord, and a leaky service."""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

LEAKY = Path(__file__).with_name("leaky_service.py")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(so, seconds=20):
    """Ask until it is so; what cannot be asked yet is not so."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, httpx.TransportError):
            if so():
                return
        assert time.monotonic() < end, "it never became so"
        time.sleep(0.02)


def program(name, package):
    """Find a program, or skip and say what to install."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install {package}")
    return found


def listens(path):
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
    return True


@contextlib.contextmanager
def running(*command, **more):
    """Run a server until the end of a test."""
    with subprocess.Popen(
        [str(each) for each in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **more,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def redis_at(folder):
    """Run a Redis that listens at a unix socket only, with its marker in database 0."""
    import redis  # noqa: PLC0415

    path = Path(folder) / "redis.sock"
    words = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", folder, "--databases", "4"]
    with running(program("redis-server", "redis-server"), *words):
        until(lambda: listens(path))
        with redis.Redis(unix_socket_path=str(path), decode_responses=True) as client:
            yield path, client


@contextlib.contextmanager
def memcached_at(folder):
    """Run a memcached that listens at a unix socket only."""
    path = Path(folder) / "memcached.sock"
    with running(program("memcached", "memcached"), "-u", "root", "-s", path, "-a", "0777"):
        until(lambda: listens(path))
        yield path


CONFIG = """
[unix_http_server]
file={socket}
[supervisord]
identifier=shop
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={folder}
nodaemon=true
minfds=256
minprocs=50
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:web]
command={python} -S {leaky} {first}%(process_num)d {leak}
process_name=web_{first}%(process_num)d
numprocs={count}
autostart={autostart}
startsecs=0
stopwaitsecs=3
autorestart=false
[program:other]
command=/bin/sleep 600
startsecs=0
"""


class Supervised:
    """A supervisord over leaky services at ports of its own."""

    def __init__(self, folder, first, count):
        self.socket = Path(folder) / "supervisor.sock"
        self.first = first
        self.ports = [int(f"{first}{n}") for n in range(count)]
        self.target = {
            "kind": "supervisord",
            "unix_socket": str(self.socket),
            "group": "web",
            "expect_identification": "shop",
            "health_url": "http://127.0.0.1:{number}/health",
        }

    def names(self):
        return [f"web:web_{port}" for port in self.ports]


def free_decade(count):
    """Find ports that differ in their last digit alone, all free."""
    for _ in range(200):
        first = free_port() // 10
        ports = [int(f"{first}{n}") for n in range(count)]
        with contextlib.ExitStack() as stack:
            try:
                for port in ports:
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError("no free ports")


@contextlib.contextmanager
def supervised(folder, *, count=3, started=True, leak_kb=0):
    """Run supervisord with `count` leaky services, started or not."""
    made = Supervised(folder, free_decade(count), count)
    text = CONFIG.format(
        socket=made.socket,
        folder=folder,
        python=sys.executable,
        leaky=LEAKY,
        first=made.first,
        leak=leak_kb,
        count=count,
        autostart=str(started).lower(),
    )
    (Path(folder) / "supervisord.conf").write_text(text)
    words = [sys.executable, "-m", "supervisor.supervisord", "-c", f"{folder}/supervisord.conf"]
    with running(*words, cwd=folder):
        until(lambda: listens(made.socket))
        if started:
            for port in made.ports:
                until(lambda port=port: httpx.get(f"http://127.0.0.1:{port}/health").is_success)
        yield made
