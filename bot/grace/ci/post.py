"""Sending a report to the bot, on the word of the forge: an OIDC token of the job."""

from collections.abc import Mapping

import httpx
import stamina

from grace.ci.errors import ContextMissing, ReportRefused
from grace.domain.base import Frozen
from grace.domain.results import CIReport

_BODY = 2000
_LATER = 429
_SERVER_ERROR = 500


class Patience(Frozen):
    """How often and how long (seconds) an unreachable or failing server is asked again."""

    attempts: int = 6
    total_s: float = 90.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 15.0


class _Later(Exception):
    """An answer that another try may change."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"{response.status_code}")
        self.response = response


def send(
    report: CIReport, url: str, *, audience: str, env: Mapping[str, str], patience: Patience
) -> None:
    """Post a report with the job's OIDC token.

    Server errors, 429 and broken connections are tried again; any other refusal raises
    `ReportRefused` with the body.
    """
    body = report.model_dump_json().encode()
    with httpx.Client(timeout=10, follow_redirects=False) as client:
        token = _id_token(client, audience, env, patience)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = client.build_request("POST", url, content=body, headers=headers)
        _ask(client, request, patience, where=url)


def has_token(env: Mapping[str, str]) -> bool:
    """Say whether the job may ask the forge for an OIDC token."""
    return bool(
        env.get("ACTIONS_ID_TOKEN_REQUEST_URL") and env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    )


def _id_token(
    client: httpx.Client, audience: str, env: Mapping[str, str], patience: Patience
) -> str:
    """Ask the forge for a token, as `@actions/core` does: GitHub Docs, "OpenID Connect"."""
    url, bearer = (env.get(f"ACTIONS_ID_TOKEN_REQUEST_{part}", "") for part in ("URL", "TOKEN"))
    if not url or not bearer:
        raise ContextMissing("the job has no OIDC token: give it `permissions: id-token: write`")
    where = httpx.URL(url).copy_merge_params({"audience": audience})
    request = client.build_request("GET", where, headers={"Authorization": f"bearer {bearer}"})
    answer: object = _ask(client, request, patience, where="the forge's token service").json()
    token = answer.get("value") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token:
        raise ContextMissing("the forge's token service answered without a token")
    return token


def _ask(
    client: httpx.Client, request: httpx.Request, patience: Patience, *, where: str
) -> httpx.Response:
    try:
        for attempt in stamina.retry_context(
            on=(_Later, httpx.TransportError),
            attempts=patience.attempts,
            timeout=patience.total_s,
            wait_initial=patience.first_wait_s,
            wait_max=patience.longest_wait_s,
        ):
            with attempt:
                response = _once(client, request)
    except _Later as last:
        response = last.response
    except httpx.TransportError as error:
        raise ContextMissing(f"{where} cannot be reached: {error}") from error
    if not response.is_success:
        raise ReportRefused(response.status_code, where, response.text[:_BODY])
    return response


def _once(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    response = client.send(request)
    if response.status_code == _LATER or response.status_code >= _SERVER_ERROR:
        raise _Later(response)
    return response
