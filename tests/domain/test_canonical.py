"""Quick canonical JSON is RFC 8785, whatever the values are."""

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from grace.domain.base import Frozen
from grace.domain.canonical import canonical, document
from support.world import World


class Anything(Frozen):
    """A model of whatever JSON can say."""

    value: Any = None


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.0, -0.0, 1e-4, 9.9e-5, 1e-5, 1e15, 1e16, 1e20, 1e21, 123456789.125])
    | st.text()
    | st.text(st.characters(max_codepoint=127))
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_it_is_what_the_standard_says(value: object) -> None:
    model = Anything(value=value)
    assert canonical(model) == rfc8785.dumps(document(model))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00001, "0.00001"),
        (1e-7, "1e-7"),
        (20.0, "20"),
        (-0.0, "0"),
        (1e21, "1e+21"),
        (0.0001, "0.0001"),
        ("\x7f\x1f\n", '"\x7f\\u001f\\n"'),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'),
    ],
)
def test_numbers_texts_and_keys_that_the_two_write_differently(value: object, text: str) -> None:
    assert canonical(Anything(value=value)) == f'{{"value":{text}}}'.encode()


def test_a_number_that_no_double_keeps_is_refused() -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical(Anything(value=2**60))


def test_evidence_of_whole_missions_is_the_same() -> None:
    world = World()
    for story in (World.file, World.ci, World.review):
        story(world)
        for model in (world.mission, world.facts, *world.notes):
            assert canonical(model) == rfc8785.dumps(document(model))
