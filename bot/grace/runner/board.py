"""The bot, as a runner speaks with it: over HTTP, with a token for its targets alone."""

from collections.abc import Sequence
from typing import Final

import httpx
from pydantic import ValidationError

from grace.domain.base import Frozen
from grace.domain.playbooks.handing import RunClaim, RunHeld, RunRenewal, RunWord
from grace.domain.playbooks.run import RunReport
from grace.runner.errors import RunnerError

_RUNS: Final = "/mission-control/runs"
_TIMEOUT_S: Final = 15.0
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class BotAway(Exception):
    """The bot cannot be asked now; `sentence` says why. What is under way goes on meanwhile."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class LeaseLost(Exception):
    """The run is another's by now, or over."""


class BoardRefused(RunnerError):
    """The bot does not take what this runner sends, and will not later."""


class HttpBoard:
    """Where runs are laid out. Each call raises `BotAway`, or `BoardRefused`."""

    def __init__(self, client: httpx.AsyncClient, runner: str, seconds: float) -> None:
        self._client = client
        self._runner = runner
        self._seconds = seconds

    async def claim(self, targets: Sequence[str]) -> RunHeld | None:
        """Take a run for one of these targets; None: there is none."""
        body = RunClaim(runner=self._runner, targets=tuple(targets), seconds=self._seconds)
        answer = await self._post("claim", body)
        return None if answer.status_code == httpx.codes.NO_CONTENT else _held(answer)

    async def renew(self, held: RunHeld) -> RunHeld:
        """Hold a run for longer, and hear whether it is to stop; `LeaseLost`."""
        body = RunRenewal(run=held.order.id, lease=held.lease, seconds=self._seconds)
        return _held(await self._post("renew", body))

    async def report(self, held: RunHeld, report: RunReport) -> None:
        """Report of a run; `LeaseLost`."""
        await self._post("report", RunWord(lease=held.lease, report=report))

    async def _post(self, name: str, body: Frozen) -> httpx.Response:
        try:
            answer = await self._client.post(
                f"{_RUNS}/{name}",
                content=body.model_dump_json().encode(),
                headers={"Content-Type": "application/json"},
                timeout=_TIMEOUT_S,
            )
        except httpx.HTTPError as error:
            raise BotAway(f"the bot does not answer ({type(error).__name__})") from error
        if answer.is_success:
            return answer
        if answer.status_code == httpx.codes.CONFLICT:
            raise LeaseLost
        said = f"the bot answered {answer.status_code}: {_detail(answer)}"
        if answer.status_code in _LATER:
            raise BotAway(said)
        raise BoardRefused(said)


def board_client(url: str, token: str) -> httpx.AsyncClient:
    """Make the client; `RunnerError` where the address would show the token to others."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise RunnerError(f"--url {url} is no address: write https://HOST") from error
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise RunnerError(f"--url {url} is no address: write https://HOST")
    if parts.scheme != "https" and parts.host not in {"127.0.0.1", "::1", "localhost"}:
        raise RunnerError(f"--url {url} would send the token unencrypted: write https://HOST")
    return httpx.AsyncClient(base_url=parts, headers={"Authorization": f"Bearer {token}"})


def _held(answer: httpx.Response) -> RunHeld:
    try:
        return RunHeld.model_validate_json(answer.content)
    except ValidationError as error:
        raise BoardRefused(
            "the bot's answer cannot be read: bring runner and bot to the same version"
        ) from error


def _detail(answer: httpx.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        return answer.reason_phrase
    return str(said.get("detail", ""))[:300] if isinstance(said, dict) else ""
