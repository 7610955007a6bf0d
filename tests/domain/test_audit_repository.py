from grace.domain.audit import AuditFault
from grace.domain.audit_repository import FoundCommit, Landing, RepositoryAudit
from grace.domain.sshsig import object_id

JUNK = b"neither tree nor parent\n\nwords\n"
PLAIN = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a\n\nwords\n"


def found(audit):
    return [(f.kind, f.commit) for f in audit.report().findings]


def test_a_commit_under_the_id_of_another_is_found(keys):
    audit = RepositoryAudit("clone", keys)
    audit.mission_commit(FoundCommit("0" * 40, PLAIN, own=False))
    audit.landed(Landing(1, "mission_20261122_001", "1" * 40, "2" * 40), PLAIN)
    assert found(audit) == [
        (AuditFault.OBJECT_CHANGED, "0" * 40),
        (AuditFault.OBJECT_CHANGED, "1" * 40),
    ]


def test_an_object_that_is_no_commit_is_found_once(keys):
    audit = RepositoryAudit("clone", keys)
    sha = object_id(JUNK, like="0" * 40)
    audit.landed(Landing(1, "mission_20261122_001", sha, "2" * 40), JUNK)
    assert found(audit) == [(AuditFault.OBJECT_CHANGED, sha)]


def test_a_commit_without_trailers_claims_nothing(keys):
    audit = RepositoryAudit("clone", keys)
    audit.mission_commit(FoundCommit(object_id(PLAIN, like="0" * 40), PLAIN, own=True))
    assert audit.report().commits == 0
    assert audit.report().ok


def test_no_ledger_at_all_is_a_finding(keys):
    audit = RepositoryAudit("clone", keys)
    audit.close_ledger()
    assert found(audit) == [(AuditFault.NO_LEDGER, None)]
