"""Programs with classes, records and shared state, each with one bug."""

from support.broken.case import Case

RECORD_CASES = (
    Case(
        "history",
        "aliasing",
        """
class History:
    def __init__(self, values):
        self.values = list(values)
        self.saved = []

    def save(self):
        self.saved.append(self.values.copy())

    def add(self, value):
        self.values.append(value)
""",
        ("self.values.copy()", "self.values"),
        """
from history import History


def test_add():
    history = History([1])
    history.add(2)
    assert history.values == [1, 2]


def test_saved_stays():
    history = History([1])
    history.save()
    history.add(2)
    assert history.saved == [[1]]


def test_two_saves():
    history = History([])
    history.save()
    history.add(1)
    history.save()
    assert history.saved == [[], [1]]


def test_begins_empty():
    assert History([]).saved == []
""",
    ),
    Case(
        "account",
        "wrong attribute",
        """
class Account:
    def __init__(self, limit):
        self.limit = limit
        self.balance = 0

    def withdraw(self, amount):
        if self.balance - amount < -self.limit:
            raise ValueError("over the limit")
        self.balance -= amount
        return self.balance

    def deposit(self, amount):
        self.balance += amount
        return self.balance
""",
        ("        self.balance -= amount", "        self.limit -= amount"),
        """
import pytest
from account import Account


def test_withdraw():
    assert Account(10).withdraw(5) == -5


def test_deposit():
    assert Account(0).deposit(5) == 5


def test_over():
    with pytest.raises(ValueError):
        Account(1).withdraw(2)


def test_in_turn():
    account = Account(10)
    account.withdraw(4)
    account.deposit(1)
    assert account.balance == -3


def test_limit_stays():
    account = Account(10)
    account.withdraw(4)
    assert account.limit == 10
""",
    ),
    Case(
        "cache",
        "missing statement",
        """
from collections import OrderedDict


class Cache:
    def __init__(self, size):
        self.size = size
        self.items = OrderedDict()

    def get(self, key):
        if key not in self.items:
            return None
        self.items.move_to_end(key)
        return self.items[key]

    def put(self, key, value):
        self.items[key] = value
        self.items.move_to_end(key)
        if len(self.items) > self.size:
            self.items.popitem(last=False)
""",
        (
            "            return None\n        self.items.move_to_end(key)\n",
            "            return None\n",
        ),
        """
from cache import Cache


def test_missing():
    assert Cache(1).get("a") is None


def test_kept():
    cache = Cache(2)
    cache.put("a", 1)
    assert cache.get("a") == 1


def test_oldest_goes():
    cache = Cache(1)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") is None


def test_used_stays():
    cache = Cache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.get("a")
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b")) == (1, None)
""",
    ),
    Case(
        "unique",
        "missing not",
        """
def unique(items):
    seen = set()
    out = []
    for item in items:
        if item not in seen:
            seen.add(item)
            out.append(item)
    return out
""",
        ("item not in seen", "item in seen"),
        """
from unique import unique


def test_nothing():
    assert unique([]) == []


def test_alone():
    assert unique([1]) == [1]


def test_twice():
    assert unique([2, 1, 2, 3, 1]) == [2, 1, 3]


def test_letters():
    assert unique("abca") == ["a", "b", "c"]
""",
    ),
    Case(
        "flat",
        "missing recursion",
        """
def flat(record, prefix=""):
    out = {}
    for key, value in record.items():
        name = prefix + key
        if isinstance(value, dict):
            out.update(flat(value, name + "."))
        else:
            out[name] = value
    return out
""",
        ('flat(value, name + ".")', "flat(value)"),
        """
from flat import flat


def test_plain():
    assert flat({"a": 1}) == {"a": 1}


def test_nested():
    assert flat({"a": {"b": 1}}) == {"a.b": 1}


def test_deep():
    assert flat({"a": {"b": {"c": 1}}, "d": 2}) == {"a.b.c": 1, "d": 2}


def test_empty():
    assert flat({}) == {}
""",
    ),
    Case(
        "fetch_all",
        "missing await",
        """
import asyncio


async def load(key):
    await asyncio.sleep(0)
    return key * 2


async def load_all(keys):
    out = []
    for key in keys:
        out.append(await load(key))
    return out
""",
        ("await load(key)", "load(key)"),
        """
import asyncio

from fetch_all import load, load_all


def test_one():
    assert asyncio.run(load("a")) == "aa"


def test_all():
    assert asyncio.run(load_all([1, 2])) == [2, 4]


def test_none():
    assert asyncio.run(load_all([])) == []


def test_text():
    assert asyncio.run(load_all(["x"])) == ["xx"]
""",
    ),
)
