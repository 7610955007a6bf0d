"""What stood before a landing is told for each way to merge, or not at all."""

from itertools import pairwise

import pytest

from grace.domain.ranges import CommitLine, before, is_revert, listed
from support.reports import sha


def line(name, *parents, author=None, message=None):
    return CommitLine(
        sha=sha(name),
        parents=tuple(sha(p) for p in parents),
        author=author or f"Ada <ada@x> {name.strip('+')}",
        message=message or f"{name.strip('+')}\n",
    )


def chain(*names):
    """Write a history, the newest first; each has the next as its parent."""
    return [line(name, parent) for name, parent in pairwise((*names, "root"))]


OWN = chain("c", "b", "a", "fork")[:3]


def test_a_merge_commit_is_on_its_first_parent():
    assert before([line("m", "main", "c")], OWN) == sha("main")


def test_a_squash_is_on_its_parent():
    squash = line("s", "main", author="Ada <ada@x> later", message="All of it (#2)")
    assert before([squash, *chain("main", "older")], OWN) == sha("main")


def test_rebased_commits_are_on_what_the_first_of_them_is_on():
    history = chain("c+", "b+", "a+", "main", "older")
    assert before(history, OWN) == sha("main")


def test_a_rebase_drops_what_the_base_has_and_leaves_merges_out():
    merge = line("catch up", "b", "upstream")
    own = [line("c", "catch up"), merge, *OWN[1:]]
    assert before(chain("c+", "a+", "main", "older", "x"), own) == sha("main")


def test_a_whole_history_of_rebased_commits_is_on_nothing_that_is_listed():
    assert before(chain("c+", "b+", "a+"), OWN) == sha("root")


def test_a_commit_that_the_base_had_before_is_none_of_the_landing():
    taken = chain("b", "main")
    history = [line("c+", "b"), *taken]
    assert before(history, OWN) == sha("b")


def test_a_fast_forward_is_on_what_its_first_commit_is_on():
    assert before([*OWN, *chain("fork", "older")], OWN) == sha("fork")


def test_a_fast_forward_over_a_merge_does_not_tell_where_it_began():
    own = [line("c", "m"), line("m", "b", "main"), *OWN[1:]]
    assert before(own, own) is None


def test_the_first_commit_of_all_is_on_nothing():
    assert before([line("root")], []) is None
    assert before([line("c+")], OWN) is None


@pytest.mark.parametrize(
    ("message", "is_one"),
    [
        ("Revert x\n\nMission: m\nMission-Agent: revert\n", True),
        ("Fix\n\nMission-Agent: revert/later\n", False),
        ("Fix\n\nthe trailer Mission-Agent: revert\n", False),
    ],
)
def test_a_revert_is_known_by_its_trailer(message, is_one):
    assert is_revert(message) is is_one


def test_many_paths_are_counted():
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
