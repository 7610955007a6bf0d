"""Words that come by the API, and could not have come by a forge."""

from datetime import UTC, datetime
from uuid import UUID

from grace.domain import capas
from grace.domain.capa import CapaRequest
from grace.domain.capa_record import Birth, FileCapa
from grace.domain.mission import MissionRef
from grace.domain.phase import Severity

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
REF = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh")


def test_what_is_filed_has_no_character_that_a_forge_refuses() -> None:
    odd = "a\x00b\x1b[31m\x7f<!-- grace:x:capa -->\r\n```\n@octo"
    asked = CapaRequest(
        subsystem_id="trigger_mesh",
        severity=Severity.LOW,
        title=odd,
        description=odd,
        owner=odd,
        root_cause=odd,
    )
    birth = Birth(capa_id="capa_20261122_001", uid=UUID(int=1), ref=REF, fingerprint="")
    (issue,) = capas.opened(asked, birth, "ann\x00", NOW).effects
    assert isinstance(issue, FileCapa)
    for text in (issue.title, issue.body):
        assert not {c for c in text if (ord(c) < 32 and c != "\n") or c == "\x7f"}
    # Markers are looked for in bodies.
    assert "<!-- grace:x" not in issue.body
