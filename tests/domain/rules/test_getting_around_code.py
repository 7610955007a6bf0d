"""Ways around what a patch may be, and around the policy itself, beside honest twins."""

import pytest

from grace.domain.inspection import CommitFact, FileChange, RepositoryRules
from grace.domain.package import MemoryScope
from grace.domain.phase import MissionType, Severity
from grace.domain.policy import FLOOR
from grace.domain.results import TestOutcome
from grace.domain.rules.language import RepositoryPolicy
from grace.domain.verdict import Result
from grace.domain.weakening import Weakening, WeakeningKind
from support.cases import BASE, assert_refused, case_of, ready, row, told
from support.world import sha

FAIL, WAIT, NO_DATA = Result.FAIL, Result.PENDING, Result.NO_DATA
READY = ready()
UNREAD = "the patch is being read"
PATHS = READY.rule(protected_paths={"paths": ["src/billing/", "**/secrets/**", "**/Makefile"]})
SMALL = READY.rule(change_size={"files": 2, "lines": 10})


def protected(*paths):
    return PATHS.touching("mesh.py", *paths)


def sized(*lines):
    return SMALL.patch(files=tuple(FileChange(path=f"{n}.py", added=n) for n in lines))


def weak(kind, message="", **changes):
    finding = Weakening(kind=kind, file="tests/test_mesh.py", line=4, message=message or kind)
    return READY.patch(weakenings=(finding,), weakened=1, **changes)


FIRM = READY.governed(rules=()).rule(weakened_tests={})
SKIPPED, EDITED = WeakeningKind.TEST_SKIPPED, WeakeningKind.POLICY_EDITED
ALLOWING = READY.governed(rules=()).rule(weakened_tests={"allow": ["test_removed"]})


def weakened(kind, matter=FIRM, **changes):
    read = weak(kind, "is weaker", **changes).read
    return matter.patch(weakenings=read.weakenings, weakened=read.weakened, **changes)


PATCH = [
    row(
        "in other letters", protected(), protected("SRC/Billing/a.py"), FAIL, "changes SRC/Billing"
    ),
    row(
        "deep below", protected(), protected("src/billing/x/y/z.py"), FAIL, "changes src/billing/x"
    ),
    row("a folder at the top", protected(), protected("secrets/key"), FAIL, "changes secrets/key"),
    row(
        "a folder further down", protected(), protected("a/secrets/b/k"), FAIL, "changes a/secrets"
    ),
    row("a file at the top", protected(), protected("Makefile"), FAIL, "changes Makefile"),
    row(
        "with a line break", protected(), protected("a\n/secrets/k"), FAIL, "protected paths: chang"
    ),
    row(
        *("by a rename away", protected("src/billing.py")),
        *(protected("billing.py", "src/billing/a.py"), FAIL, "changes src/billing/a.py"),
    ),
    row("among many", protected(), protected(*"abcd", "secrets/k"), FAIL, "changes secrets/k"),
    row("paths unread", PATHS, PATHS.unread(), WAIT, f"protected paths: {UNREAD}"),
    row("too many files", sized(5, 5), sized(1, 2, 3), FAIL, "change size: 3 files, 6 lines; at"),
    row("too many lines", sized(5, 5), sized(5, 6), FAIL, "2 files, 11 lines; at most 2 files, 10"),
    row(
        *("lines taken away", sized(5, 5)),
        *(SMALL.patch(files=(FileChange(path="a", removed=11),)), FAIL, "1 files, 11 lines"),
    ),
    row("size unread", SMALL, SMALL.unread(), WAIT, f"change size: {UNREAD}"),
    *(
        row(f"weaker by {kind}", FIRM, weakened(kind), FAIL, "tests/test_mesh.py:4 is weaker")
        for kind in WeakeningKind
    ),
    row(
        *("weaker in another way than allowed", weakened(WeakeningKind.TEST_REMOVED, ALLOWING)),
        *(weakened(SKIPPED, ALLOWING), FAIL, "tests/test_mesh.py:4 is weaker"),
    ),
    row(
        *("weaker beyond what is listed", weakened(WeakeningKind.TEST_REMOVED, ALLOWING)),
        *(ALLOWING.patch(weakened=7), FAIL, "weakened tests: 7 not listed"),
    ),
    row("weakness unread", FIRM, FIRM.unread(), WAIT, f"weakened tests: {UNREAD}"),
    row(
        *("weaker with one approval", READY.governed(rules=FLOOR)),
        *(weak(SKIPPED, "a skip marker is new").governed(rules=FLOOR), WAIT, "1 of 2: rita"),
    ),
    row(
        *("policy edited in the change itself", READY.governed(rules=FLOOR)),
        weak(EDITED, "governance is edited").governed(rules=FLOOR).alone(),
        *(FAIL, "tests/test_mesh.py:4 governance is edited"),
    ),
]

SIGNED = READY.rule(signed_commits={})
LINEAR = READY.governed(merge_method="squash").rule(history={"kind": "linear"})
MERGED = READY.rule(history={"kind": "merge"})


def commit(name, signature="good", parents=(BASE,)):
    return CommitFact(sha=sha(name), parents=parents, author="x", signature=signature)


TWO = (commit("a"), commit("b", parents=(sha("a"), sha("other"))))
COMMITS = [
    *(
        row(
            *(f"signature {how}", SIGNED, SIGNED.patch(commits=(commit("a"), commit("b", how)))),
            *(FAIL, f"signed commits: no good signature: {sha('b')[:10]} ({how})"),
        )
        for how in ("none", "bad", "unknown_key")
    ),
    row("no commit", SIGNED, SIGNED.patch(commits=()), NO_DATA, "signed commits: no commit was"),
    row("commits unread", SIGNED, SIGNED.unread(), WAIT, f"signed commits: {UNREAD}"),
    row(
        *("a merge inside", LINEAR, LINEAR.patch(commits=TWO)),
        *(FAIL, f"linear history: not one parent: {sha('b')[:10]}"),
    ),
    row(
        *("a root inside", LINEAR, LINEAR.patch(commits=(commit("root", parents=()),))),
        *(FAIL, f"linear history: not one parent: {sha('root')[:10]}"),
    ),
    row(
        *("merged by a merge", LINEAR, LINEAR.governed(merge_method="merge")),
        *(FAIL, "linear history: governance makes a merge commit"),
    ),
    row(
        "history of nothing", LINEAR, LINEAR.patch(commits=()), NO_DATA, "linear history: no commit"
    ),
    row("history unread", LINEAR, LINEAR.unread(), WAIT, f"linear history: {UNREAD}"),
    row(
        *("merged by a squash", MERGED, MERGED.governed(merge_method="squash")),
        *(FAIL, "merge history: governance merges by squash"),
    ),
]

GREEN, RED = {"labels": {"none_of": ["x"]}}, {"change_size": {"lines": 1}}
LATER = {"wait": {"minutes": 60}}


def own(**policy):
    return READY.patch(rules=RepositoryRules(policy=RepositoryPolicy(version=1, **policy)))


def broken(*problems):
    return READY.patch(rules=RepositoryRules(problems=problems))


def floor(**require):
    return READY.governed(rules=()).rule(**require)


EMPTY = "no condition is configured, and nothing never passes"
POLICY = [
    row(
        "loosened by the repository", READY, floor(**RED).own_rule(**GREEN), FAIL, "change size: 1"
    ),
    row(
        "tightened by the repository", floor(**GREEN), floor(**GREEN).own_rule(**RED), FAIL, "size"
    ),
    row(
        "policy unread", READY.governed(rules=()), floor().unread(), WAIT, "repository: the reposit"
    ),
    row(
        *("policy broken", READY, broken("line 3: unknown key")),
        *(FAIL, "repository: the policy at the base cannot be used: line 3: unknown key"),
    ),
    row(
        *("policy very broken", READY, broken("a", "b", "c", "d", "e")),
        *(FAIL, "cannot be used: a; b; c; and 2 more"),
    ),
    row("a rule of nothing", floor(**GREEN), floor(), FAIL, f"rule 0: {EMPTY}"),
    row("tests of nothing", floor(**GREEN), floor(tests={}), FAIL, f"tests: {EMPTY}"),
    row("all of nothing", floor(**GREEN), floor(all_of=[]), FAIL, f"all of: {EMPTY}"),
    row("any of nothing", floor(any_of=[GREEN]), floor(any_of=[]), FAIL, f"any of: {EMPTY}"),
    row(
        *("any of an empty one", floor(any_of=[GREEN])),
        *(floor(any_of=[{}, RED]), FAIL, f"all of: {EMPTY}"),
    ),
    row(
        *("at least of none", floor(at_least={"count": 1, "of": [GREEN]})),
        *(floor(at_least={"count": 1, "of": []}), FAIL, EMPTY),
    ),
    row(
        *("at least more than there are", floor(at_least={"count": 1, "of": [GREEN]})),
        *(floor(at_least={"count": 2, "of": [GREEN, RED]}), FAIL, "change size: 1 files, 2 lines"),
    ),
    row("any of two that fail", floor(any_of=[RED, GREEN]), floor(any_of=[RED, RED]), FAIL, "size"),
    row(
        "any of one that waits",
        floor(any_of=[LATER, GREEN]),
        floor(any_of=[LATER]),
        WAIT,
        "wait 60",
    ),
    row(
        "all of two, one fails",
        floor(all_of=[GREEN]),
        floor(all_of=[GREEN, RED]),
        FAIL,
        "change si",
    ),
    row("two keys, one fails", floor(**GREEN), floor(**GREEN, **RED), FAIL, "change size: 1 files"),
]


def ruled(when, **changes):
    """Require what fails, where a predicate does not say that it applies not."""
    return READY.asks(**changes).governed(rules=()).rule(when=when, **RED)


OFF, ON = {"severity": ["low"]}, {"severity": ["high"]}
HEAL = {"mission_type": ["healing"]}
UNKNOWN = {"labels": ["x"]}
WHEN = [
    row("severity", ruled(OFF), ruled(ON), FAIL, "change size"),
    row("severity lowered", ruled(ON, severity=Severity.LOW), ruled(ON), FAIL, "change size"),
    row("mission type", ruled(HEAL), ruled(HEAL, mission_type=MissionType.HEALING), FAIL, "size"),
    row(
        "subsystem",
        ruled({"subsystem": ["other"]}),
        ruled({"subsystem": ["trigger_mesh"]}),
        FAIL,
        "size",
    ),
    row(
        *("a subsystem that nobody knows any more", ruled({"environment": ["staging"]})),
        *(ruled({"environment": ["staging"]}, subsystem_id="gone"), FAIL, "change size"),
    ),
    row(
        "environment",
        ruled({"environment": ["staging"]}),
        ruled({"environment": ["production"]}),
        FAIL,
        "size",
    ),
    row(
        "agent", ruled({"agent": ["helpful"]}), ruled({"agent": ["candidate"]}), FAIL, "change size"
    ),
    row(
        "paths",
        ruled({"paths": ["docs/"]}),
        ruled({"paths": ["docs/", "*.PY"]}),
        FAIL,
        "change size",
    ),
    row(
        *("docs and something else", ruled({"not": {"only_paths": ["*.py"]}})),
        ruled({"not": {"only_paths": ["docs/**"]}}).touching("docs/a.md", "mesh.py"),
        *(FAIL, "change size: 2 files, 2 lines"),
    ),
    row(
        "small change",
        ruled({"change_over": {"files": 1}}),
        ruled({"change_over": {"lines": 1}}),
        FAIL,
        "size",
    ),
    row("trust", ruled({"trust_below": 0}), ruled({"trust_below": 0.1}), FAIL, "change size"),
    row(
        *("any of", ruled({"any_of": [OFF, HEAL]}), ruled({"any_of": [OFF, ON]})),
        *(FAIL, "change size"),
    ),
    row("all of", ruled({"all_of": [OFF, ON]}), ruled({"all_of": [ON]}), FAIL, "change size"),
    row(
        "any of unknown",
        ruled(OFF),
        ruled({"any_of": [OFF, UNKNOWN]}).label("x", by=None),
        FAIL,
        "size",
    ),
    row(
        "not unknown", ruled({"not": ON}), ruled({"not": UNKNOWN}).label("x", by=None), FAIL, "size"
    ),
    row("unknown and true", ruled(OFF), ruled({**ON, **UNKNOWN}).label("x", by=None), FAIL, "size"),
    row(
        "of times",
        ruled({"during": {"weekly": [{"days": ["mon"]}]}}),
        ruled({"during": {"weekly": [{"days": ["sun"]}]}}),
        FAIL,
        "change size",
    ),
]

UNREAD_WHEN = [{"paths": ["docs/"]}, {"only_paths": ["docs/"]}, {"change_over": {"files": 9}}]


@pytest.mark.parametrize("when", [*UNREAD_WHEN, *({"not": each} for each in UNREAD_WHEN)])
def test_a_patch_that_was_not_read_skips_no_rule(when):
    floor = next(c for c in ruled(when).unread().tree().children if c.name == "floor")
    assert floor.result is WAIT
    assert floor.children[0].result is not Result.SKIPPED


SCOPE = READY.rule(memory_scope={"at_most": "propose"})
ROLES = READY.rule(roles={"any_of": ["developer"]})
AGENTS = [
    row(
        *("wider memory", SCOPE, SCOPE.trusts(memory_write_scope=MemoryScope.PERSIST)),
        *(FAIL, "memory scope: persist, at most propose"),
    ),
    row(
        *("another role", ROLES, ROLES.governed(agent_roles={"candidate": "surgeon"})),
        *(FAIL, "roles: candidate is surgeon; developer may"),
    ),
    row("no role", ROLES, ROLES.governed(agent_roles={}), FAIL, "candidate is without a role"),
]


@pytest.mark.parametrize(
    ("honest", "attacked", "result", "words"), [*PATCH, *COMMITS, *POLICY, *WHEN, *AGENTS]
)
def test_nobody_gets_around_what_a_patch_may_be(honest, attacked, result, words):
    assert_refused(honest, attacked, result, words)


def test_what_is_skipped_is_no_way_for_something_else():
    # Nobody owns what is changed, which is skipped and stands in for no approval.
    owners = {"approvals": {"code_owners": True}}
    matter = floor(any_of=[owners, RED]).patch(owners_known=True)
    assert matter.tree().passes
    assert not matter.alone().tree().passes


def test_a_skip_marker_that_came_with_the_change_is_found_twice():
    skipped = weak(SKIPPED, "a skip marker is new").governed(rules=FLOOR)
    both = told(skipped.alone().unit(case_of(outcome=TestOutcome.SKIPPED)).tree(), FAIL)
    assert any("must pass" in each for each in both)
    assert any("a skip marker is new" in each for each in both)
