"""Nothing is cited outside its installation, nor from a private repository in a public one."""

import itertools

import pytest

from grace.domain.memory.places import Place, may_cite


def place(repository=7, installation=3, private=True, host="forge.test"):
    return Place(host=host, repository_id=repository, installation_id=installation, private=private)


@pytest.mark.parametrize(
    ("asker", "source", "right"),
    [
        (place(), place(8), True),
        (place(private=False), place(8, private=False), True),
        (place(), place(8, private=False), True),
        (place(private=False), place(8), False),
        (place(private=False), place(8, private=None), False),
        (place(private=None), place(8), False),
        (place(private=None), place(8, private=False), True),
        (place(), place(8, private=None), True),
        (place(), place(8, installation=4), False),
        (place(installation=None), place(8, installation=None, private=False), False),
        (place(), place(8, host="other.test"), False),
        (place(private=False), place(7), True),
        (place(installation=None, private=None), place(7, private=None), True),
        (place(), place(7, host="other.test", private=False, installation=4), False),
    ],
)
def test_who_may_be_told_what(asker, source, right):
    assert may_cite(asker, source) is right


def test_no_knowledge_ever_lets_more_be_said_than_the_worst_case():
    privacies = (True, False, None)
    for mine, theirs in itertools.product(privacies, privacies):
        said = may_cite(place(private=mine), place(8, private=theirs))
        worst = may_cite(place(private=mine is True), place(8, private=theirs is not False))
        assert said is worst
