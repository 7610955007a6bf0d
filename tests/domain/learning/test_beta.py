"""The Beta distribution against values that can be had otherwise."""

from math import comb, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.domain.learning.beta import share_below, value_at

SHAPES = st.floats(0.5, 120)


@pytest.mark.parametrize(
    ("x", "a", "b", "share"),
    [
        (0.3, 1, 1, 0.3),  # uniform
        (0.3, 1, 4, 1 - 0.7**4),
        (0.3, 5, 1, 0.3**5),
        (0.25, 0.5, 0.5, 1 / 3),  # arcsine: 2/pi asin(sqrt x)
        (0.5, 7.25, 7.25, 0.5),  # by symmetry
        (0.5, 2, 3, 0.6875),  # 11/16
        (0.0, 2, 3, 0.0),
        (-1.0, 2, 3, 0.0),
        (1.0, 2, 3, 1.0),
        (2.0, 2, 3, 1.0),
    ],
)
def test_closed_forms_are_met(x: float, a: float, b: float, share: float) -> None:
    assert share_below(x, a, b) == pytest.approx(share, abs=1e-11)


@pytest.mark.parametrize(
    ("share", "a", "b", "value"),
    [
        (0.5, 1, 1, 0.5),
        (0.5, 2, 1, sqrt(0.5)),
        (0.025, 1, 10, 1 - 0.975**0.1),
        (0.975, 10, 1, 0.975**0.1),
    ],
)
def test_quantiles_of_closed_form_are_met(share: float, a: float, b: float, value: float) -> None:
    assert value_at(share, a, b) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("held", "of", "low", "high"), [(8, 10, 0.4439, 0.9748), (5, 20, 0.0866, 0.4910)]
)
def test_tabled_intervals_of_clopper_and_pearson_are_met(
    held: int, of: int, low: float, high: float
) -> None:
    found = value_at(0.025, held, of - held + 1), value_at(0.975, held + 1, of - held)
    assert found == pytest.approx((low, high), abs=5e-5)


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 0.99))
def test_whole_numbers_agree_with_the_binomial_distribution(a: int, b: int, x: float) -> None:
    n = a + b - 1
    tail = sum(comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a, n + 1))
    assert share_below(x, a, b) == pytest.approx(tail, abs=1e-10)


@settings(max_examples=30)
@given(st.floats(1e-6, 1 - 1e-6), SHAPES, SHAPES)
def test_value_at_undoes_share_below(share: float, a: float, b: float) -> None:
    value = value_at(share, a, b)
    assert 0 < value < 1
    below, above = share_below(value - 1e-8, a, b), share_below(value + 1e-8, a, b)
    assert below - 1e-9 <= share <= above + 1e-9


@settings(max_examples=30)
@given(st.floats(0.001, 0.998), st.floats(0.001, 0.001 + 1e-9), SHAPES, SHAPES)
def test_larger_share_lies_below_a_larger_value(
    share: float, more: float, a: float, b: float
) -> None:
    assert value_at(share, a, b) < value_at(share + more, a, b)


@settings(max_examples=30)
@given(st.floats(0.001, 0.999), st.floats(0.001, 0.39), SHAPES)
def test_tiny_shapes_have_values_too(share: float, a: float, b: float) -> None:
    value = value_at(share, a, b)
    assert 0 < value < 1
    assert share_below(value + 1e-8, a, b) >= share - 1e-9
