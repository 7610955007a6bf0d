"""The processes of one group of supervisord, by its XML-RPC interface."""

import http.client
import socket
import xmlrpc.client
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.service_members import Member
from grace.runner.actions.service_target import expect, expected_mark, remaining, setting

_ALREADY_STARTED, _NOT_RUNNING = 60, 70
_RUNS = frozenset({"STARTING", "RUNNING"})


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _Transport(xmlrpc.client.Transport):
    """XML-RPC over TCP or a unix socket, each call with what is left of the step's time."""

    def __init__(self, situation: Situation) -> None:
        super().__init__(headers=list(_credentials(situation)))
        self._situation = situation

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        if self._connection[1] is not None:
            return self._connection[1]
        seconds = remaining(self._situation, 120)
        path = setting(self._situation, "unix_socket", "")
        made = (
            _Connection(path, seconds)
            if path
            else http.client.HTTPConnection(str(host), timeout=seconds)
        )
        self._connection = host, made
        return made


def _credentials(situation: Situation) -> Iterator[tuple[str, str]]:
    user = setting(situation, "username", "")
    if user:
        both = f"{user}:{setting(situation, 'password')}".encode()
        yield "Authorization", f"Basic {b64encode(both).decode()}"


@contextmanager
def supervisord_of(situation: Situation) -> Iterator[Any]:
    """Reach it at `unix_socket` or `url`; what it refuses becomes a sentence."""
    path = setting(situation, "unix_socket", "")
    url = "http://localhost" if path else setting(situation, "url").rstrip("/")
    if not url.startswith("http://"):
        raise ActionFailed("supervisord's `url` begins with http://")
    proxy = xmlrpc.client.ServerProxy(f"{url}/RPC2", transport=_Transport(situation))
    try:
        with proxy:
            yield proxy.supervisor
    except xmlrpc.client.Fault as fault:
        raise ActionFailed(f"supervisord refused: {fault.faultString[:120]}") from fault
    except xmlrpc.client.ProtocolError as error:
        raise ActionFailed(f"supervisord answered {error.errcode} {error.errmsg}") from error
    except (OSError, http.client.HTTPException) as error:
        raise ActionFailed(f"supervisord does not answer: {type(error).__name__}") from error


def identify_supervisord(situation: Situation) -> None:
    """Compare its identification, `[supervisord] identifier`, with what is expected."""
    expected = expected_mark(situation, "expect_identification")
    with supervisord_of(situation) as supervisor:
        expect("identification", expected, str(supervisor.getIdentification()))


class SupervisedGroup:
    """The members of the target's `group`."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._group = setting(situation, "group")

    def listed(self) -> Mapping[str, Member]:
        with supervisord_of(self._situation) as supervisor:
            found = [
                each for each in supervisor.getAllProcessInfo() if each["group"] == self._group
            ]
        if not found:
            raise ActionFailed(f"supervisord knows no group `{self._group}`")
        return {member.name: member for member in map(_member, found)}

    def start(self, name: str) -> None:
        self._call(name, lambda supervisor: supervisor.startProcess(name), _ALREADY_STARTED)

    def stop(self, name: str) -> None:
        self._call(name, lambda supervisor: supervisor.stopProcess(name), _NOT_RUNNING)

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def _call(self, name: str, call: Callable[[Any], object], needless: int) -> None:
        with supervisord_of(self._situation) as supervisor:
            try:
                call(supervisor)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode != needless:
                    raise ActionFailed(
                        f"supervisord could not do it to {name}: {fault.faultString[:120]}"
                    ) from fault


def _member(info: Mapping[str, Any]) -> Member:
    runs = info["statename"] in _RUNS
    mark = f"{info['pid']}:{info['start']}" if runs else None
    return Member(f"{info['group']}:{info['name']}", mark, int(info["pid"]) if runs else None)
