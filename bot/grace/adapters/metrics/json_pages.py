"""Samples from JSON over HTTP: one number of a document, named by its path."""

from collections.abc import Mapping, Sequence
from typing import Final

import httpx

from grace.adapters.metrics.asking import Asked, observed
from grace.adapters.metrics.fetching import Fetcher, NoAnswer, without_secrets
from grace.adapters.metrics.json_path import read_json
from grace.adapters.metrics.reading import Reading, nothing
from grace.domain.catalog import JsonPage
from grace.domain.package import MetricObservation
from grace.ports import Clock

_ACCEPT: Final = {"Accept": "application/json"}
Document = tuple[str, tuple[tuple[str, str], ...]]


class JsonSource:
    """Read documents, each once for all metrics that want it. `environment` holds the headers."""

    def __init__(self, fetcher: Fetcher, clock: Clock, environment: Mapping[str, str]) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._environment = environment

    async def read(self, url: str, wanted: Sequence[Asked[JsonPage]]) -> list[MetricObservation]:
        """Read one document; `wanted` all have its address and its headers."""
        body = await self._body(url, wanted[0].source.headers_env)
        at, name = self._clock.now(), without_secrets(url)
        taken = []
        for each in wanted:
            told = body if isinstance(body, Reading) else read_json(body, each.source.path)
            taken.append(observed(each, told, at, name))
        return taken

    async def _body(self, url: str, headers_env: Mapping[str, str]) -> bytes | Reading:
        headers = dict(_ACCEPT)
        for header, variable in headers_env.items():
            value = self._environment.get(variable, "").strip()
            if not value:
                return nothing(f"the environment variable of the header {header} is not set")
            if not (value.isascii() and value.isprintable()):
                return nothing(f"the environment variable of the header {header} cannot be sent")
            headers[header] = value
        try:
            answer = await self._fetcher.get(url, headers)
        except NoAnswer as error:
            return nothing(str(error))
        if answer.status != httpx.codes.OK:
            return nothing(f"answered HTTP {answer.status}")
        return answer.body


def document_of(source: JsonPage) -> Document:
    """Name what is fetched for a source: two that want the same document share it."""
    return source.url, tuple(sorted(source.headers_env.items()))
