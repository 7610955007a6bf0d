"""Run tests again and again in children of a process that has collected them once.

This file is a script of its own: it runs under the interpreter of the code that is repaired, which
has pytest but need not have Grace. It reads requests, one JSON object a line, and answers each with
one. A child answers its server through a pipe that bears the request's nonce, and cannot reach the
pipe on which the server answers.

Two ways: `collected` collects at the start and forks after that, so that a child costs
milliseconds and gets the candidate by its functions' code being replaced; `fresh` forks before
collection, and finds the candidate in the file.
"""

import gc
import importlib.util
import json
import os
import resource
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from grace.repair.watching import Watch, codes_in, functions_of
else:
    from watching import Watch, codes_in, functions_of

PASSED, FAILED, SKIPPED, TIMED_OUT, CRASHED = "p", "f", "s", "t", "c"
# A child may take this much address space beyond what the server has.
MEMORY = 1 << 30

Json = dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """What the hooks of pytest have said of the test that is running."""

    status: str = PASSED
    error: str = ""
    blamed: list[tuple[str, int]] = field(default_factory=list)


class Session:
    """pytest's side: collects, then lets `serve` take the place of its loop."""

    def __init__(self, config: Json, serve: Callable[["Session"], None]) -> None:
        self.root: str = config["root"]
        self.suspects = frozenset(config["suspects"])
        self.serve = serve
        self.outcome = Outcome()
        self.errors: list[str] = []
        self.items: dict[str, pytest.Item] = {}
        self.watch = Watch(self.root, self.suspects)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(str(report.longreprtext)[-2000:])

    def pytest_collection(self) -> None:
        sys.settrace(self.watch.call)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        sys.settrace(None)
        self.items = {item.nodeid: item for item in session.items}
        self.serve(self)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> pytest.TestReport | None:
        """Report a failure without its long text, which takes longer than most tests."""
        error = call.excinfo
        assert call.when != "collect"
        if error is None or isinstance(
            error.value, (pytest.skip.Exception, pytest.xfail.Exception)
        ):
            return None
        self.outcome.error = error.typename
        for frame, line in traceback.walk_tb(error.tb):
            file = self.watch.relative(frame.f_code.co_filename)
            if file is not None:
                self.outcome.blamed.append((file, line))
        return pytest.TestReport(
            item.nodeid, item.location, {}, "failed", "", call.when, duration=call.duration
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.outcome.status = FAILED
        elif report.skipped and self.outcome.status == PASSED:
            self.outcome.status = SKIPPED

    def told(self) -> Json:
        """Describe what was collected."""
        return {
            "tests": [
                {
                    "id": name,
                    "file": os.path.relpath(os.path.realpath(item.path), self.root),
                    "xfail": item.get_closest_marker("xfail") is not None,
                }
                for name, item in self.items.items()
            ],
            "errors": self.errors,
            "files": sorted(
                {
                    os.path.relpath(os.path.realpath(file), self.root)
                    for module in list(sys.modules.values())
                    if isinstance(file := getattr(module, "__file__", None), str)
                    and os.path.realpath(file).startswith(self.root + os.sep)
                }
            ),
            **self.watch.told(),
        }


def run_items(session: Session, request: Json, out: int) -> None:
    """Run the tests of a request in this child, and write a line about each."""
    limits = request["limits"]
    items = [session.items.get(name) for name in request["tests"]]
    watch = Watch(session.root, session.suspects) if request.get("trace") else None
    session.watch.lines, session.watch.types = {}, {}
    for index, item in enumerate(items):
        if item is None:
            write(out, {"nonce": request["nonce"], "status": CRASHED, "error": "not collected"})
            return
        session.outcome = Outcome()
        started, clock = time.process_time(), time.monotonic()
        limit(limits[index], None if watch is None else lambda: tell(watch, request, out))
        follow = items[index + 1] if index + 1 < len(items) else None
        if watch is not None:
            threading.settrace(watch.call)
            sys.settrace(watch.call)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=follow)
        sys.settrace(None)
        signal.setitimer(signal.ITIMER_PROF, 0)
        said = session.outcome
        write(
            out,
            {
                "nonce": request["nonce"],
                "status": said.status,
                "error": said.error,
                "blamed": said.blamed[-20:],
                "seconds": time.process_time() - started,
                "wall": time.monotonic() - clock,
            },
        )
        if said.status == FAILED and request["stop"]:
            break
    if watch is not None:
        tell(watch, request, out)


def tell(watch: Watch, request: Json, out: int) -> None:
    """Write what was watched."""
    sys.settrace(None)
    write(out, {"nonce": request["nonce"], "watch": watch.told()})


def limit(seconds: float, first: Callable[[], None] | None) -> None:
    """End this process after so much processor time, having called `first`."""

    def stop(_signal: int, _frame: object) -> None:
        if first is not None:
            first()
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPROF)

    signal.signal(signal.SIGPROF, signal.SIG_DFL if first is None else stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def write(out: int, answer: Json) -> None:
    """Write one JSON line whole."""
    data = json.dumps(answer).encode() + b"\n"
    while data:
        data = data[os.write(out, data) :]


def swap(session: Session, functions: dict[tuple[str, str, int], list[Any]], request: Json) -> str:
    """Give living functions the candidate's code; say why that cannot be done."""
    change = request["swap"]
    file, name, first = change["file"], change["name"], change["first"]
    path = str(Path(session.root, file))
    found = functions.get((file, name, first))
    if not found:
        loaded = any(
            os.path.realpath(str(getattr(module, "__file__", ""))) == path
            for module in list(sys.modules.values())
        )
        return "no such function lives" if loaded else ""
    code = compile(
        "\n" * (change["line"] - 1) + change["unit"], path, "exec", change["flags"], True
    )
    new = [c for c in codes_in(code) if (c.co_name, c.co_firstlineno) == (name, first)]
    if len(new) != 1:
        return "not one function of that name"
    for function in found:
        if function.__code__.co_freevars != new[0].co_freevars:
            return "its free variables differ"
        function.__code__ = new[0]
    return ""


@dataclass(slots=True)
class Pipes:
    """How the server hears and answers."""

    requests: Any
    answers: int


def bound_memory(statm: Path) -> None:
    """Allow this process so much more memory than it has; without a /proc its sandbox bounds it."""
    if not statm.exists():
        return
    size = int(statm.read_text("ascii").split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or hard > size + MEMORY:
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, hard))


def child(request: Json, out: int, run: Callable[[int], None]) -> None:
    """Be the child: bounded, in a session of its own, never returning."""
    status = 1
    try:
        os.setsid()
        bound_memory(Path("/proc/self/statm"))
        run(out)
        write(out, {"nonce": request["nonce"], "end": True})
        status = 0
    finally:
        os._exit(status)


def attend(pid: int, pipe: int, wall: float) -> tuple[bytes, int | None]:
    """Read what a child writes until it ends or `wall` seconds have passed; then end its group."""
    data, deadline, status = b"", time.monotonic() + wall, None
    while time.monotonic() < deadline:
        ready, _, _ = select.select(
            [pipe], [], [], min(0.05, max(0.0, deadline - time.monotonic()))
        )
        if ready:
            piece = os.read(pipe, 1 << 16)
            data += piece
            if piece and not data.endswith(b'"end": true}\n'):
                continue
            break
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            break
    else:
        status = -1
    os.close(pipe)
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
    _, ended = os.waitpid(pid, 0)
    return data, (ended if status is None else status)


def answer(request: Json, data: bytes, status: int) -> Json:
    """Make the server's answer of a child's lines and of how the child ended."""
    results, watch, ended, refused = [], None, False, ""
    for line in data.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if not isinstance(said, dict) or said.get("nonce") != request["nonce"]:
            continue
        watch = said.get("watch", watch)
        ended = ended or said.get("end", False)
        refused = said.get("refused", refused)
        if "status" in said:
            results.append({k: v for k, v in said.items() if k != "nonce"})
    complete = len(results) == len(request["tests"]) or (
        results and results[-1]["status"] == FAILED
    )
    if not refused and not (ended and complete):
        killed = status != -1 and os.WIFSIGNALED(status)
        timed = status == -1 or (killed and os.WTERMSIG(status) == signal.SIGPROF)
        results = results[: len(request["tests"]) - 1]
        results.append({"status": TIMED_OUT if timed else CRASHED, "error": "", "seconds": 0.0})
    return {"results": results, "watch": watch, "refused": refused}


def serve(pipes: Pipes, run: Callable[[Json, int], None]) -> None:
    """Answer requests until there are no more, each by a child of its own."""
    gc.collect()
    gc.freeze()
    for line in pipes.requests:
        request = json.loads(line)
        read, out = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            os.close(pipes.answers)
            os.close(pipes.requests.fileno())
            child(request, out, partial(run, request))
        os.close(out)
        data, status = attend(pid, read, request["wall"])
        write(pipes.answers, answer(request, data, status or 0))


def collected(config: Json, pipes: Pipes) -> None:
    """Collect once, say what there is, and serve."""

    def take(session: Session) -> None:
        write(pipes.answers, session.told())
        functions = functions_of(session.suspects, session.root)

        def run(request: Json, out: int) -> None:
            refused = swap(session, functions, request) if request.get("swap") else ""
            if refused:
                write(out, {"nonce": request["nonce"], "refused": refused})
                return
            run_items(session, request, out)

        serve(pipes, run)

    pytest.main(arguments(config), plugins=[Session(config, take)])


def fresh(config: Json, pipes: Pipes) -> None:
    """Serve children each of which collects anew."""
    write(pipes.answers, {"tests": [], "errors": [], "files": [], "lines": {}, "types": {}})

    def run(request: Json, out: int) -> None:
        limit(request["collect"], None)
        session = Session(config, lambda session: run_items(session, request, out))
        pytest.main(arguments(config), plugins=[session])

    serve(pipes, run)


def arguments(config: Json) -> list[str]:
    """Say with what pytest is called: quiet, alone, and without other people's counting."""
    quiet = ["-p", "no:cacheprovider", "-p", "no:randomly", "-q", f"--basetemp={config['temp']}"]
    if importlib.util.find_spec("xdist"):
        quiet += ["-n0"]
    if importlib.util.find_spec("pytest_cov"):
        quiet += ["--no-cov"]
    return [*config["arguments"], *quiet]


def main() -> None:
    """Take the pipes away from the code that is about to run, and serve."""
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    config = json.loads(requests.readline())
    # A script's own folder comes first on the path, and is nobody's business here.
    sys.modules.pop("watching", None)
    sys.path[:] = [*config["path"], *(p for p in sys.path[1:] if p not in config["path"])]
    os.chdir(config["cwd"])
    sys.dont_write_bytecode = True
    (fresh if config["fresh"] else collected)(config, Pipes(requests, answers))


if __name__ == "__main__":
    main()
