"""Reach a Redis, and make sure that it is the one that was meant."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from grace.runner.action import ActionFailed, Situation, WrongTarget
from grace.runner.actions.service_target import expect, remaining, setting, setting_number

_MISSING = (
    "the package redis is not installed: install grace-mission-control with its extra `redis`"
)
_MARKS = ("run_id", "config_file", "tcp_port")


@contextmanager
def redis_of(situation: Situation) -> Iterator[Any]:
    """Connect to the configured database number; errors become sentences without secrets."""
    try:
        import redis  # noqa: PLC0415 - an extra that only runners beside a Redis need
        from redis.backoff import NoBackoff  # noqa: PLC0415 - as above
        from redis.retry import Retry  # noqa: PLC0415 - as above
    except ImportError as error:
        raise ActionFailed(_MISSING) from error
    seconds = remaining(situation)
    where = setting(situation, "unix_socket", "")
    server = redis.Redis(
        host=setting(situation, "host", "127.0.0.1"),
        port=int(setting_number(situation, "port", 6379)),
        unix_socket_path=where or None,
        db=int(setting_number(situation, "db")),
        username=setting(situation, "username", "") or None,
        password=setting(situation, "password", "") or None,
        ssl=situation.target.get("tls") is True,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        decode_responses=True,
        encoding_errors="surrogateescape",
    )
    try:
        yield server
    except redis.AuthenticationError as error:
        raise ActionFailed("the Redis refused the target's user or password") from error
    except redis.ConnectionError as error:
        raise ActionFailed("the Redis cannot be reached") from error
    except redis.TimeoutError as error:
        raise ActionFailed("the Redis did not answer in time") from error
    except redis.RedisError as error:
        raise ActionFailed(f"the Redis refused: {type(error).__name__}") from error
    finally:
        server.close()


def marker(situation: Situation) -> tuple[str, str] | None:
    """Name the configured key by which the database is known, and what it must hold."""
    expected = setting(situation, "expect_marker", "")
    return (setting(situation, "marker_key", "grace:identity"), expected) if expected else None


def identify_redis(situation: Situation) -> None:
    """Compare what INFO says, and the marker key, with what is expected; one must be."""
    known = marker(situation)
    wanted = {name: setting(situation, f"expect_{name}", "") for name in _MARKS}
    if known is None and not any(wanted.values()):
        raise WrongTarget(
            "nothing says which Redis is meant: set `expect_marker`, `expect_config_file` or "
            "`expect_run_id` in the runner's file"
        )
    with redis_of(situation) as server:
        info = server.info("server")
        for name, expected in wanted.items():
            if expected:
                expect(name, expected, str(info.get(name, "")))
        if known is not None:
            expect(f"key {known[0]}", known[1], server.get(known[0]) or "")
