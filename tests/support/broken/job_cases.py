"""Programs about pages, trees, jobs and stock, each with one bug."""

from support.broken.case import Case

JOB_CASES = (
    Case(
        "paging",
        "off by one",
        '''
def page(items, number, size):
    """Return a page; pages are counted from 1."""
    start = (number - 1) * size
    return items[start:start + size]


def pages(items, size):
    return (len(items) + size - 1) // size
''',
        ("start = (number - 1) * size", "start = number * size"),
        """
import pytest
from paging import page, pages


@pytest.mark.parametrize(("number", "expected"), [(1, [1, 2]), (2, [3, 4]), (3, [5]), (4, [])])
def test_page(number, expected):
    assert page([1, 2, 3, 4, 5], number, 2) == expected


def test_pages():
    assert pages([1, 2, 3], 2) == 2
""",
    ),
    Case(
        "depth",
        "missing null check",
        """
class Tree:
    def __init__(self, left=None, right=None):
        self.left = left
        self.right = right


def depth(tree):
    if tree is None:
        return 0
    return 1 + max(depth(tree.left), depth(tree.right))
""",
        ("    if tree is None:\n        return 0\n", ""),
        """
from depth import Tree, depth


def test_none():
    assert depth(None) == 0


def test_leaf():
    assert depth(Tree()) == 1


def test_left():
    assert depth(Tree(Tree())) == 2


def test_both():
    assert depth(Tree(Tree(), Tree(Tree()))) == 3
""",
    ),
    Case(
        "queue_order",
        "wrong keyword",
        """
def by_priority(jobs):
    return sorted(jobs, key=lambda job: job["priority"], reverse=True)


def next_job(jobs):
    ordered = by_priority(jobs)
    return ordered[0]["name"] if ordered else None
""",
        ("reverse=True", "reverse=False"),
        """
from queue_order import by_priority, next_job


def job(name, priority):
    return {"name": name, "priority": priority}


def test_none():
    assert next_job([]) is None


def test_one():
    assert next_job([job("a", 1)]) == "a"


def test_highest():
    assert next_job([job("a", 1), job("b", 3), job("c", 2)]) == "b"


def test_order():
    assert [j["name"] for j in by_priority([job("a", 1), job("b", 2)])] == ["b", "a"]
""",
    ),
    Case(
        "stock",
        "wrong order of statements",
        """
class Stock:
    def __init__(self):
        self.count = {}
        self.log = []

    def take(self, name, amount):
        left = self.count.get(name, 0) - amount
        if left < 0:
            return False
        self.count[name] = left
        self.log.append((name, left))
        return True

    def add(self, name, amount):
        self.count[name] = self.count.get(name, 0) + amount
""",
        ("if left < 0", "if left <= 0"),
        """
from stock import Stock


def stocked():
    stock = Stock()
    stock.add("a", 3)
    return stock


def test_take():
    assert stocked().take("a", 2)


def test_take_all():
    assert stocked().take("a", 3)


def test_too_many():
    assert not stocked().take("a", 4)


def test_log():
    stock = stocked()
    stock.take("a", 3)
    assert stock.log == [("a", 0)]


def test_unknown():
    assert not Stock().take("b", 1)
""",
    ),
    Case(
        "graph",
        "wrong initial value",
        """
def reachable(graph, start):
    seen = {start}
    waiting = [start]
    while waiting:
        node = waiting.pop()
        for other in graph.get(node, []):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen
""",
        ("waiting = [start]", "waiting = []"),
        """
from graph import reachable


def test_alone():
    assert reachable({}, "a") == {"a"}


def test_next():
    assert reachable({"a": ["b"]}, "a") == {"a", "b"}


def test_circle():
    assert reachable({"a": ["b"], "b": ["a"]}, "b") == {"a", "b"}


def test_not_back():
    assert reachable({"a": ["b"]}, "b") == {"b"}


def test_far():
    assert reachable({1: [2], 2: [3], 3: [4]}, 1) == {1, 2, 3, 4}
""",
    ),
    Case(
        "temperature",
        "two edits",
        """
def to_celsius(fahrenheit):
    return (fahrenheit - 32) * 5 / 9


def to_fahrenheit(celsius):
    return celsius * 9 / 5 + 32


def describe(celsius):
    if celsius < 0:
        return "frost"
    if celsius < 20:
        return "cool"
    return "warm"
""",
        (
            """    if celsius < 0:
        return "frost"
    if celsius < 20:""",
            """    if celsius <= 0:
        return "frost"
    if celsius <= 20:""",
        ),
        """
import pytest
from temperature import describe, to_celsius, to_fahrenheit


@pytest.mark.parametrize(("celsius", "expected"), [
    (-5, "frost"), (-1, "frost"), (0, "cool"), (19, "cool"), (20, "warm"), (30, "warm"), (5, "cool"),
])
def test_describe(celsius, expected):
    assert describe(celsius) == expected


def test_there_and_back():
    assert to_celsius(to_fahrenheit(10)) == 10
""",
    ),
)
