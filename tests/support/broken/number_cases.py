"""Programs about numbers and lists of them, each with one bug."""

from support.broken.case import Case

NUMBER_CASES = (
    Case(
        "leap",
        "wrong boolean",
        """
def is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
""",
        ("and (year", "or (year"),
        """
import pytest
from leap import is_leap


@pytest.mark.parametrize(("year", "expected"), [
    (2000, True), (1900, False), (2004, True), (2001, False), (2100, False), (2400, True), (2023, False),
])
def test_leap(year, expected):
    assert is_leap(year) is expected
""",
    ),
    Case(
        "luhn",
        "wrong constant",
        """
def valid(number):
    total = 0
    for index, digit in enumerate(reversed(str(number))):
        value = int(digit)
        if index % 2 == 1:
            value *= 2
            if value > 9:
                value -= 9
        total += value
    return total % 10 == 0
""",
        ("index % 2 == 1", "index % 2 == 0"),
        """
import pytest
from luhn import valid


@pytest.mark.parametrize(("number", "expected"), [
    (18, True), (79927398713, True), (79927398710, False), (4539148803436467, True), (1234, False), (0, True), (26, True),
])
def test_valid(number, expected):
    assert valid(number) is expected
""",
    ),
    Case(
        "chunks",
        "off by one",
        """
def chunks(items, size):
    return [items[start:start + size] for start in range(0, len(items), size)]
""",
        ("items[start:start + size]", "items[start:start + size - 1]"),
        """
from chunks import chunks


def test_even():
    assert chunks([1, 2, 3, 4], 2) == [[1, 2], [3, 4]]


def test_rest():
    assert chunks([1, 2, 3], 2) == [[1, 2], [3]]


def test_nothing():
    assert chunks([], 3) == []


def test_wide():
    assert chunks([1, 2], 5) == [[1, 2]]
""",
    ),
    Case(
        "moving",
        "off by one",
        """
def moving_average(values, window):
    out = []
    for end in range(window, len(values) + 1):
        part = values[end - window:end]
        out.append(sum(part) / window)
    return out
""",
        ("len(values) + 1", "len(values)"),
        """
from moving import moving_average


def test_all():
    assert moving_average([1, 2, 3], 3) == [2]


def test_two():
    assert moving_average([1, 3, 5], 2) == [2, 4]


def test_one():
    assert moving_average([4], 1) == [4]


def test_short():
    assert moving_average([1], 2) == []
""",
    ),
    Case(
        "median",
        "wrong division",
        """
def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
""",
        ("ordered[middle]) / 2", "ordered[middle]) // 2"),
        """
import pytest
from median import median


@pytest.mark.parametrize(("values", "expected"), [
    ([1], 1), ([1, 2], 1.5), ([3, 1, 2], 2), ([4, 1, 2, 3], 2.5), ([2, 2], 2), ([10, 1, 5, 4], 4.5),
])
def test_median(values, expected):
    assert median(values) == expected
""",
    ),
    Case(
        "prime",
        "off by one",
        """
def is_prime(number):
    if number < 2:
        return False
    divisor = 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 1
    return True
""",
        ("divisor * divisor <= number", "divisor * divisor < number"),
        """
import pytest
from prime import is_prime


@pytest.mark.parametrize(("number", "expected"), [
    (0, False), (1, False), (2, True), (3, True), (4, False), (9, False), (15, False), (17, True), (25, False), (49, False),
])
def test_prime(number, expected):
    assert is_prime(number) is expected
""",
    ),
    Case(
        "best_window",
        "wrong initial value",
        '''
def best(values):
    """The largest of the values."""
    largest = values[0]
    for value in values:
        if value > largest:
            largest = value
    return largest
''',
        ("largest = values[0]", "largest = 0"),
        """
from best_window import best


def test_one():
    assert best([3]) == 3


def test_below():
    assert best([-3, -1, -2]) == -1


def test_mixed():
    assert best([-1, 4, 2]) == 4


def test_single_below():
    assert best([-7]) == -7


def test_last():
    assert best([1, 2, 9]) == 9
""",
    ),
    Case(
        "intervals",
        "wrong variable",
        """
def merge(intervals):
    merged = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
""",
        ("max(merged[-1][1], end)", "max(merged[-1][1], start)"),
        """
from intervals import merge


def test_nothing():
    assert merge([]) == []


def test_apart():
    assert merge([(3, 4), (1, 2)]) == [(1, 2), (3, 4)]


def test_touching():
    assert merge([(1, 2), (2, 4)]) == [(1, 4)]


def test_inside():
    assert merge([(1, 9), (2, 3)]) == [(1, 9)]


def test_overlap():
    assert merge([(1, 5), (3, 8), (7, 9)]) == [(1, 9)]
""",
    ),
    Case(
        "clamp",
        "swapped function",
        """
def clamp(value, low, high):
    return max(low, min(value, high))
""",
        ("max(low, min(value, high))", "min(low, min(value, high))"),
        """
import pytest
from clamp import clamp


@pytest.mark.parametrize(("value", "expected"), [(5, 5), (-1, 0), (11, 10), (0, 0), (10, 10), (3, 3)])
def test_clamp(value, expected):
    assert clamp(value, 0, 10) == expected
""",
    ),
    Case(
        "transpose",
        "wrong variable",
        """
def transpose(rows):
    if not rows:
        return []
    return [[row[column] for row in rows] for column in range(len(rows[0]))]
""",
        ("range(len(rows[0]))", "range(len(rows))"),
        """
from transpose import transpose


def test_nothing():
    assert transpose([]) == []


def test_square():
    assert transpose([[1, 2], [3, 4]]) == [[1, 3], [2, 4]]


def test_wide():
    assert transpose([[1, 2, 3]]) == [[1], [2], [3]]


def test_tall():
    assert transpose([[1], [2]]) == [[1, 2]]
""",
    ),
    Case(
        "insort",
        "missing update",
        """
def position(items, wanted):
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low
""",
        ("low = middle + 1", "low = middle"),
        """
import pytest
from insort import position


@pytest.mark.parametrize(("items", "wanted", "expected"), [
    ([], 1, 0), ([1], 0, 0), ([1], 2, 1), ([1, 3, 5], 3, 1), ([1, 3, 5], 4, 2), ([1, 1, 1], 1, 0), ([1, 2], 9, 2),
])
def test_position(items, wanted, expected):
    assert position(items, wanted) == expected
""",
    ),
    Case(
        "digits",
        "missing return",
        """
def digit_sum(number):
    if number < 10:
        return number
    return number % 10 + digit_sum(number // 10)
""",
        ("    return number % 10 +", "    number % 10 +"),
        """
import pytest
from digits import digit_sum


@pytest.mark.parametrize(("number", "expected"), [(0, 0), (7, 7), (10, 1), (99, 18), (123, 6), (1001, 2)])
def test_digit_sum(number, expected):
    assert digit_sum(number) == expected
""",
    ),
    Case(
        "collatz",
        "missing base case",
        """
def steps(number):
    if number == 1:
        return 0
    if number % 2 == 0:
        return 1 + steps(number // 2)
    return 1 + steps(3 * number + 1)
""",
        ("    if number == 1:\n        return 0\n", ""),
        """
import pytest
from collatz import steps


@pytest.mark.parametrize(("number", "expected"), [(1, 0), (2, 1), (3, 7), (6, 8), (7, 16), (8, 3)])
def test_steps(number, expected):
    assert steps(number) == expected
""",
    ),
    Case(
        "percent",
        "wrong grouping",
        """
def percent(part, whole):
    if whole == 0:
        return 0
    return round(100 * part / whole)


def change(old, new):
    return percent(new - old, old)
""",
        ("percent(new - old, old)", "percent(old - new, old)"),
        """
import pytest
from percent import change, percent


@pytest.mark.parametrize(("old", "new", "expected"), [(100, 110, 10), (100, 90, -10), (50, 50, 0), (0, 5, 0), (10, 30, 200)])
def test_change(old, new, expected):
    assert change(old, new) == expected


def test_percent():
    assert percent(1, 4) == 25
""",
    ),
)
