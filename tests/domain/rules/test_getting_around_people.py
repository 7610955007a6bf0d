"""Ways around what people must do, each refused with its reason beside an honest twin."""

import pytest

from grace.domain import events as ev
from grace.domain.inspection import Owned
from grace.domain.observed import TeamFact
from grace.domain.people import Permission
from grace.domain.phase import Severity
from grace.domain.policy import Approvals
from grace.domain.verdict import Result
from support.cases import BASE, NOW, START, TREE, assert_refused, ready, row
from support.world import BOT, sha

FAIL, WAIT, NO_DATA = Result.FAIL, Result.PENDING, Result.NO_DATA
READY = ready()
ALONE = READY.alone()
NONE_GIVEN = "approvals: 0 of 1 approvals"
CRITICAL = READY.asks(severity=Severity.CRITICAL).reviewed("sam", number=3)
ASKED_CHANGES = {"state": ev.ReviewState.CHANGES_REQUESTED}

OLD = READY.mission.attempts[0].model_copy(update={"head": sha("older"), "failure": "again"})


def after(**old):
    """Let rita approve the head of an earlier attempt, which was otherwise in this or that."""
    attempts = (OLD.model_copy(update=old), READY.mission.attempts[0].model_copy())
    return ALONE.on(attempts=attempts).reviewed("rita", sha=sha("older"))


CORE = [
    row("by who filed it", READY, ALONE.reviewed("alice", number=1), WAIT, NONE_GIVEN),
    row(
        *("by a second account that may not write", READY),
        *(ALONE.reviewed("alice-too", Permission.TRIAGE, 77), WAIT, NONE_GIVEN),
    ),
    row("by a renamed account", READY, ALONE.reviewed("alice2", number=1), WAIT, NONE_GIVEN),
    row("by Grace", READY, ALONE.reviewed(BOT, Permission.ADMIN), WAIT, NONE_GIVEN),
    row("by who edited it", READY, READY.on(authors=("alice", "Rita")), WAIT, NONE_GIVEN),
    row("by who started it", READY, READY.on(started_by="RITA"), WAIT, NONE_GIVEN),
    row(
        *("by who wrote a commit of the branch", READY),
        *(READY.on(proposer_ids=frozenset({1, 2})), WAIT, NONE_GIVEN),
    ),
    row(
        *("by who operates the agent", READY),
        *(READY.governed(agent_operators={"candidate": ("Rita",)}), WAIT, NONE_GIVEN),
    ),
    row("of another head", READY, ALONE.reviewed("rita", sha=sha("x")), WAIT, NONE_GIVEN),
    row("of an earlier patch", after(), after(blobs="other"), WAIT, NONE_GIVEN),
    row("before a new start", after(), after(pushed_at=START.replace(hour=8)), WAIT, NONE_GIVEN),
    row(
        *("dismissed", READY),
        *(ALONE.reviewed("rita", state=ev.ReviewState.DISMISSED), WAIT, NONE_GIVEN),
    ),
    row("of another pull request", READY, ALONE.reviewed("rita", pull=9), WAIT, NONE_GIVEN),
    row("of nobody knows whom", READY, READY.knows(permissions={}), WAIT, NONE_GIVEN),
    row(
        *("two names of one person", CRITICAL),
        ALONE.asks(severity=Severity.CRITICAL)
        .reviewed("rita", number=2)
        .reviewed("rita2", number=2),
        *(WAIT, "approvals: 1 of 2 approvals"),
    ),
    row("against a veto", READY, READY.on(vetoes={"sam": "no"}), FAIL, "vetoed by sam: no"),
    row(
        *("against an objection", READY, READY.reviewed("sam", **ASKED_CHANGES)),
        *(FAIL, "approvals: sam asked for changes"),
    ),
    row(
        *("commits of strangers", READY.on(strange_authors=1).reviewed("sam", number=3)),
        *(READY.on(strange_authors=1), WAIT, "1 of 2 approvals"),
    ),
    row(
        *("an agent below the trust asked", READY.reviewed("sam", number=3)),
        *(READY.trusts(required_trust_score=0.5), WAIT, "1 of 2 approvals"),
    ),
    row(
        *("a role that is not allowed", READY.trusts(allowed_roles=("developer",))),
        *(READY.trusts(allowed_roles=("surgeon",)), FAIL, "candidate is developer; allowed:"),
    ),
]


def team(*, member):
    place = {"acme/core:rita": TeamFact(member=member, at=NOW)}
    return READY.rule(approvals={"team": "acme/core"}).knows(teams=place)


def owned(*owners, **changes):
    groups = tuple(Owned(owners=each, paths=("mesh.py",)) for each in owners)
    read = {"owners_known": True, "owned": groups} | changes
    return READY.rule(approvals={"code_owners": True}).patch(**read)


OWNED = owned(("@sam", "@Rita"))
MAINTAINED = READY.rule(approvals={"permission": "maintain"})
ROLE = READY.rule(approvals={"role": "release"})
DUTIES = READY.rule(separation_of_duties={})
FEW = READY.governed(approvals=Approvals(critical=1)).asks(severity=Severity.CRITICAL)
GRAVE = FEW.rule(separation_of_duties={})
NO_OWNER = "mesh.py: no owner of it approves"

RULES = [
    row(
        *("without the permission", MAINTAINED.reviewed("max", Permission.MAINTAIN)),
        *(MAINTAINED, WAIT, "approvals: 1 with maintain permission: 0 of 1"),
    ),
    row(
        *("without the role", ROLE.governed(roles={"release": ("RITA",)})),
        *(ROLE.governed(roles={"release": ("sam",)}), WAIT, "role release: 0 of 1"),
    ),
    row("in a role nobody has", ROLE.governed(roles={"release": ("rita",)}), ROLE, WAIT, "0 of 1"),
    row("outside the team", team(member=True), team(member=False), WAIT, "acme/core: 0 of 1"),
    row(
        *("in a team that is being read", team(member=True), team(member=True).knows(teams={})),
        *(WAIT, "whether rita are in acme/core is being read"),
    ),
    row("owned by others", OWNED, owned(("@sam",)), WAIT, NO_OWNER),
    row("owned by two, one approves", OWNED, owned(("@rita",), ("@sam",)), WAIT, NO_OWNER),
    row("owned by whom", OWNED, owned(()), NO_DATA, "CODEOWNERS at the base cannot be read"),
    row("owned by an address", OWNED, owned(("rita@forge.test",)), WAIT, NO_OWNER),
    row("owned by a login with no at", OWNED, owned(("rita",)), WAIT, NO_OWNER),
    row(
        *("owned by a team that is being read", OWNED, owned(("@acme/core",))),
        *(WAIT, "who is in @acme/core is being read"),
    ),
    row(
        *("owned by a team of others", OWNED),
        owned(("@acme/core",)).knows(teams={"acme/core:rita": TeamFact(member=False, at=NOW)}),
        *(WAIT, NO_OWNER),
    ),
    row(
        *("without CODEOWNERS", OWNED, owned(owners_known=False)),
        *(NO_DATA, "there is no CODEOWNERS at the base"),
    ),
    row("owners unread", OWNED, OWNED.unread(), WAIT, "code owners: the patch is being read"),
    row(
        *("asker approves", DUTIES, DUTIES.alone().reviewed("alice", number=1)),
        *(WAIT, "separation of duties: proposed or operated by alice, grace[bot]; approved by no"),
    ),
    row(
        *("operator approves", DUTIES, DUTIES.governed(agent_operators={"candidate": ("rita",)})),
        *(WAIT, "proposed or operated by alice, grace[bot], rita; approved by nobody"),
    ),
    row(
        *("an agent nobody operates", DUTIES, DUTIES.tried(agent="helpful")),
        *(NO_DATA, "nobody is named as operator of helpful"),
    ),
    row(
        *("one approver of a critical one", GRAVE.reviewed("sam", number=3), GRAVE),
        *(WAIT, "separation of duties: proposed or operated by"),
    ),
]


def labelled(name="reviewed", **given):
    return READY.rule(labels={"all_of": ["reviewed"]}).label(name, **given)


def free(**given):
    matter = READY.rule(labels={"none_of": ["do-not-merge"]})
    return matter.label("do-not-merge", **given) if given else matter


# Two files are too many, but for a change that is called trivial, or that is not called risky.
BIG = READY.touching("a.py", "b.py")
TRIVIAL = BIG.rule(when={"not": {"labels": ["trivial"]}}, change_size={"files": 1})
RISKY = BIG.rule(when={"labels": ["risky"]}, change_size={"files": 1})
TOO_BIG = "change size: 2 files, 2 lines; at most 1 files"
UNPROVEN = "who is not known to have write permission"

LABELS = [
    row("never put on", labelled(), labelled("other"), WAIT, "label reviewed: is not on"),
    row("put on and off", labelled(), labelled(present=False), WAIT, "label reviewed: is not on"),
    row("put on by a triager", labelled(), labelled(permission=Permission.TRIAGE), WAIT, UNPROVEN),
    row("put on by Grace", labelled(), labelled(by=BOT), WAIT, f"put on by {BOT}, who proposes"),
    row("put on by who proposed", labelled(), labelled(by="alice"), WAIT, "by alice, who proposes"),
    row("put on by whom", labelled(), labelled(by=None), WAIT, "put on by nobody knows whom"),
    row("put on by one not read", labelled(), labelled().knows(permissions={}), WAIT, UNPROVEN),
    row("a brake that is on", free(), free(by="tara"), WAIT, "no label do-not-merge: put on by"),
    row(
        *("a brake taken off by a triager", free(present=False)),
        *(free(permission=Permission.TRIAGE, present=False), WAIT, "taken off by rita, who is not"),
    ),
    row(
        *("a brake taken off by whom", free(present=False), free(by=None, present=False)),
        *(WAIT, "taken off by nobody knows whom"),
    ),
    row(
        *("a brake in other letters", free(), free().label("Do-Not-Merge")),
        *(WAIT, "no label do-not-merge: put on by rita"),
    ),
    row("before its pull request", labelled(), labelled().on(pull=None), WAIT, "is being opened"),
    row(
        *("called trivial by a triager", TRIVIAL.label("trivial")),
        *(TRIVIAL.label("trivial", permission=Permission.TRIAGE), FAIL, TOO_BIG),
    ),
    row(
        *("called trivial by Grace", TRIVIAL.label("trivial")),
        *(TRIVIAL.label("trivial", by=BOT), FAIL, TOO_BIG),
    ),
    row("not called trivial", TRIVIAL.label("trivial"), TRIVIAL, FAIL, TOO_BIG),
    row(
        *("called trivial before there is a pull request", TRIVIAL.label("trivial")),
        *(TRIVIAL.label("trivial").on(pull=None), FAIL, TOO_BIG),
    ),
    row(
        *("called risky no more by a triager", RISKY.label("risky", present=False)),
        RISKY.label("risky", permission=Permission.TRIAGE, present=False),
        *(FAIL, TOO_BIG),
    ),
    row("called risky in other letters", RISKY, RISKY.label("RISKY"), FAIL, TOO_BIG),
]


@pytest.mark.parametrize(("honest", "attacked", "result", "words"), [*CORE, *RULES, *LABELS])
def test_nobody_gets_around_people(honest, attacked, result, words):
    assert_refused(honest, attacked, result, words)


def test_the_same_patch_on_a_moved_base_keeps_its_approval():
    honest = after()
    assert honest.mission.attempts[-1].tree == TREE
    assert honest.mission.attempts[-1].base == BASE
    assert honest.tree().passes
