"""Ask a service over HTTP: bounded answers, no redirects, nothing of our environment."""

from dataclasses import dataclass
from typing import Any

import httpx

from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.service_target import expect, expected_mark, remaining, setting

_MOST_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered, cut at 200 kB."""

    status: int
    body: bytes
    headers: httpx.Headers

    @property
    def well(self) -> bool:
        return self.status < 400  # noqa: PLR2004 - the statuses of HTTP that are errors


def ask(situation: Situation, url: str, method: str = "GET", seconds: float = 10.0) -> Answer:
    """Ask once; `ActionFailed` where there is no answer. Errors of HTTP are answers."""
    timeout = remaining(situation, seconds)
    try:
        with (
            httpx.Client(timeout=timeout, trust_env=False) as client,
            client.stream(method, url) as response,
        ):
            body = b""
            for chunk in response.iter_bytes():
                body += chunk[: _MOST_BYTES - len(body)]
                if len(body) >= _MOST_BYTES:
                    break
            return Answer(response.status_code, body, response.headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ActionFailed(f"{plain(url)} does not answer: {type(error).__name__}") from error


def plain(url: str) -> str:
    """Name an address without what may be secret in it: user, password, query."""
    try:
        seen = httpx.URL(url)
    except httpx.InvalidURL:
        return "the address"
    return f"{seen.scheme}://{seen.host}{f':{seen.port}' if seen.port else ''}{seen.path}"


def identify_http(situation: Situation) -> None:
    """Compare a header, or a field of JSON, of what `identity_url` answers."""
    expected = expected_mark(situation, "expect_identity")
    answer = ask(situation, setting(situation, "identity_url"))
    header = setting(situation, "identity_header", "")
    if header:
        expect(f"header {header}", expected, answer.headers.get(header, ""))
        return
    field = setting(situation, "identity_field", "service")
    expect(f"field {field}", expected, _field(answer, field))


def _field(answer: Answer, path: str) -> str:
    try:
        seen: Any = httpx.Response(200, content=answer.body).json()
    except ValueError:
        return ""
    for name in path.split("."):
        seen = seen.get(name) if isinstance(seen, dict) else None
    return "" if seen is None else str(seen)
