"""The API keeps to its own document, whoever asks: schemathesis with each kind of token."""

from pathlib import Path

import pytest
from openapi_spec_validator import validate

from grace import __version__
from grace.web.api.commands import ORDERS
from grace.web.api.openapi import document
from grace.web.api.table import TABLE
from support.fuzzing import Heard, Plan, fuzz, serving
from support.hub_world import HOSTILE, Past

WHO = [None, "viewer", "restricted", "operator", "agent", "admin"]
NAMES = [operation.name for operation in TABLE]
# Commands are made alike; one stands for all where time is short.
ALIKE = frozenset(f"{name}_mission" for name in ORDERS[1:])
DIFFERENT = [name for name in NAMES if name not in ALIKE]
SECRETS = ("acme/mesh", "Delivery is slow", HOSTILE[:30])


# The others are fuzzed in the stress runs.
DAILY = (None, "operator", "agent")


@pytest.fixture(scope="module")
def described() -> dict:
    return document(TABLE, __version__)


def check(heard: Heard, who: str | None, left_out: frozenset[str] = frozenset()) -> None:
    assert heard.failures == []
    tried = {f"{o.method} {o.path}" for o in TABLE if o.name not in left_out}
    assert heard.answers.keys() == tried
    assert not any(status >= 500 for found in heard.answers.values() for status in found)
    if who in {None, "restricted"}:
        assert not any(secret in body for body in heard.bodies for secret in SECRETS)


def test_document_is_openapi(described: dict) -> None:
    validate(described)
    assert described["openapi"] == "3.1.0"


@pytest.mark.parametrize(
    "who",
    [w if w in DAILY else pytest.param(w, marks=pytest.mark.stress) for w in WHO],
)
def test_api_keeps_to_its_document(
    past: Past, tmp_path: Path, described: dict, who: str | None
) -> None:
    """Each token tries the edges of some operations and half of them by their examples.

    All together try all; `make stress` has every token try everything.
    """
    turn = WHO.index(who)
    mine = frozenset(DIFFERENT[turn :: len(WHO)])
    left_out = frozenset(NAMES) - frozenset(DIFFERENT[turn % 2 :: 2])
    with serving(past, tmp_path) as behind:
        check(fuzz(described, behind, who, Plan(mine, left_out)), who, left_out)


@pytest.mark.stress
@pytest.mark.parametrize("who", WHO)
def test_api_keeps_to_its_document_in_every_corner(
    past: Past, tmp_path: Path, described: dict, who: str | None
) -> None:
    with serving(past, tmp_path) as behind:
        check(fuzz(described, behind, who, Plan(frozenset(NAMES), fuzzed=40)), who)
