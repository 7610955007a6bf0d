"""The signature of symptoms: what kind of problem it is, short and the same from week to week.

    kind / metric family / type of error        error/-/TypeError   latency/latency/-

It is what learning counts remedies by, so it is coarse on purpose: two missions share one when what
helped one may well help the other.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import StringConstraints

from grace.domain.base import Frozen
from grace.domain.memory.normalise import errors_in
from grace.domain.package import MissionRequest, Symptom

NOTHING: Final = "-"
_PARTS: Final = 3
Part = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")]

# By the words in a metric's name or a description; the first that fits decides.
_KINDS: Final[Sequence[tuple[str, str]]] = (
    ("corruption", r"corrupt|malformed|integrity|checksum"),
    ("lock", r"lock(?:ed|s|ing)?\b|deadlock|blocked"),
    ("import", r"import(?:s|ed|ing)?\b|module not found|no module named|missing package"),
    ("memory", r"memory|rss|heap|oom|leak"),
    ("latency", r"latency|slow|p9\d|p50|time ?outs?|timed out|response time|duration"),
    ("errors", r"errors?|5xx|failures?|exceptions?|crash"),
    ("saturation", r"cpu|load|saturat|disk|queue|throughput"),
    ("success", r"success"),
)


class Signature(Frozen):
    """The signature of one mission's symptoms; `-` where a part is not known.

    `kind`: corruption, lock, import, memory, latency, errors, saturation, success, test or other.
    `family`: the last name of the metric, without its percentile or unit. `error`: the type of
    the error that its texts name last.
    """

    kind: Part
    family: Part = NOTHING
    error: Part = NOTHING

    @property
    def telling(self) -> bool:
        """Tell whether it says more than a kind: that alone makes no two problems alike."""
        return (self.family, self.error) != (NOTHING, NOTHING)

    def __str__(self) -> str:
        return f"{self.kind}/{self.family}/{self.error}"


def signature_of(request: MissionRequest) -> Signature:
    """Read the signature of a contract: its symptoms, its evidence, and the tests it names."""
    texts = [s.description for s in request.symptoms]
    quoted = [e.excerpt for e in request.evidence if e.excerpt is not None]
    tests = bool(request.acceptance_criteria.must_pass_tests)
    return signature(request.symptoms, [*quoted, *texts], tests=tests)


def signature(
    symptoms: Sequence[Symptom], texts: Sequence[str], *, tests: bool = False
) -> Signature:
    """Make a signature; `texts` may name an error, the first that does decides.

    `tests`: the mission names tests that fail, which is its kind where nothing says more.
    """
    metrics = [s.metric_id for s in symptoms if s.metric_id is not None]
    errors = next((found for text in texts if (found := errors_in(text))), ())
    kind = _kind(metrics) or _kind([*errors[:1], *(s.description for s in symptoms)])
    if tests and kind in {"", "errors"}:
        kind = "test"
    return Signature(
        kind=kind or "other",
        family=_family(metrics[0]) if metrics else NOTHING,
        error=_part(errors[0]) if errors else NOTHING,
    )


def _kind(texts: Sequence[str]) -> str:
    told = re.sub(r"(?<=[a-z])(?=[A-Z])|[._]", " ", " ".join(texts)).casefold()
    return next((kind for kind, words in _KINDS if re.search(rf"\b(?:{words})", told)), "")


def _family(metric: str) -> str:
    """Leave what a metric measures: `api.checkout.latency_p95_ms` is `latency`."""
    last = metric.rsplit(".", 1)[-1]
    kept = re.sub(
        r"(?:_(?:p\d{1,3}|avg|mean|max|min|ms|s|seconds|percent|pct|total|ratio))+$", "", last
    )
    return _part(kept)


def _part(text: str) -> str:
    """Write a name that anybody may have chosen as a part: other characters as `_`."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:80] or NOTHING


def read_signature(text: str) -> Signature:
    """Read what `str` wrote; ValueError where it is none."""
    parts = text.split("/")
    if len(parts) != _PARTS:
        raise ValueError(f"{text!r} is no signature: kind/family/error")
    return Signature(kind=parts[0], family=parts[1], error=parts[2])
