"""Who of those who signed in may operate."""

from datetime import UTC, datetime

import pytest

from grace.domain.access import Scope
from grace.ports.access import Session
from grace.web.access.recognise import principal_of_person

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("named", "operates"),
    [("olga", True), ("#7", True), ("#8", False), ("omar", False), ("7", False)],
)
def test_operators_are_named_by_login_or_by_the_number_of_the_account(named, operates):
    session = Session("Olga", 7, NOW, NOW)
    principal = principal_of_person(session, frozenset({named}))
    assert principal.may(Scope.OPERATOR) is operates
    assert principal.may(Scope.VIEWER)
