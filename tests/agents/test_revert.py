"""The agent `revert`: found by bisecting, proven by three runs, or refused with its reason."""

import pytest

from grace.agents import run_agent
from grace.domain.agents import Agent, Builtin
from grace.domain.proposals import FailingTest, Refusal
from support.agent_places import commit, git, place, repository, task

AGENT = Agent(name="revert", builtin=Builtin.REVERT, minutes=1)
TEST = "sh tests/test_value.sh"
CHECK = 'test "$(cat value)" = good\n'


@pytest.fixture
def root(tmp_path):
    repository(tmp_path / "checkout", {"value": "good\n", "tests/test_value.sh": CHECK, "n": "0\n"})
    return tmp_path / "checkout"


def run(root, test=TEST, **more):
    base = git(root, "rev-parse", "HEAD")
    return run_agent(task(base, "revert", **more), AGENT, place(root, test))


def more_commits(root, count, begin=1):
    return [commit(root, {f"other-{n}": "x\n"}, f"other {n}") for n in range(begin, begin + count)]


def test_the_commit_that_broke_it_is_found_and_taken_back(root):
    more_commits(root, 2)
    bad = commit(root, {"value": "bad\n", "also": "x\n"}, "Speed <it> up")
    more_commits(root, 3, begin=3)
    proposal = run(root)
    assert proposal.sentence == ""
    assert "-bad\n+good" in proposal.diff
    assert "deleted file mode 100644" in proposal.diff
    assert proposal.plausible is True
    assert f"Takes back {bad[:12]} (Speed <it> up)" in proposal.rationale
    git(root, "diff", "--exit-code", "HEAD~4", "--", "value")


@pytest.mark.stress
def test_a_merge_is_taken_back_as_one(root):
    git(root, "checkout", "-q", "-b", "side")
    commit(root, {"side": "x\n"})
    within = commit(root, {"value": "bad\n"}, "within the branch")
    git(root, "checkout", "-q", "main")
    more_commits(root, 1)
    git(root, "merge", "-q", "--no-ff", "-m", "Merge side", "side")
    merge = git(root, "rev-parse", "HEAD")
    more_commits(root, 2, begin=2)
    proposal = run(root, suspects=(within,))
    assert f"Takes back {merge[:12]} (Merge side)" in proposal.rationale
    assert "+++ /dev/null" in proposal.diff


@pytest.mark.stress
def test_commits_that_cannot_be_run_are_left_out(root):
    more_commits(root, 1)
    commit(root, {"tests/lib.sh": "exit 125\n"}, "cannot run")
    commit(root, {"tests/lib.sh": None}, "runs again")
    more_commits(root, 1, begin=2)
    bad = commit(root, {"value": "bad\n"}, "bad")
    more_commits(root, 2, begin=3)
    test = f"if test -f tests/lib.sh; then . tests/lib.sh; fi; {TEST}"
    assert bad[:12] in run(root, test).rationale


def test_where_it_cannot_be_run_between_nobody_is_accused(root):
    commit(root, {"broken": "x\n"}, "cannot run")
    bad = commit(root, {"value": "bad\n"}, "bad, and cannot run either")
    commit(root, {"broken": None}, "runs again")
    proposal = run(root, f"test -f broken && exit 125; {TEST}")
    assert proposal.refusal is Refusal.NO_PATCH
    assert "cannot be run between them" in proposal.sentence
    assert bad[:12] in proposal.sentence


def test_the_test_of_today_is_run_on_the_past(root):
    bad = commit(root, {"value": "bad\n"}, "bad")
    commit(root, {"tests/test_new.sh": CHECK}, "a test that shows it")
    failing = (FailingTest(name="new", file="tests/test_new.sh"),)
    assert bad[:12] in run(root, "sh tests/test_new.sh", failing=failing).rationale
    git(root, "reset", "-q", "--hard")
    assert bad[:12] in run(root, "sh tests/test_new.sh").rationale


def refused(root, **more):
    proposal = run(root, **more)
    assert (proposal.refusal, proposal.diff) == (Refusal.NO_PATCH, None)
    return proposal.sentence


def test_a_conflict_is_left_to_others(root):
    bad = commit(root, {"value": "bad\n"}, "bad")
    commit(root, {"value": "worse\n"}, "worse")
    assert refused(root).startswith(f"{bad[:12]} (bad) made the test fail, but later commits")


def test_a_revert_is_not_reverted(root):
    commit(root, {"value": "bad\n"}, 'Revert "the good"')
    assert "takes a change back itself" in refused(root)


def test_a_commit_of_tests_alone_is_not_reverted(root):
    commit(root, {"tests/data": "bad\n"}, "a stricter test")
    assert "changed tests alone" in refused(root, test="! ls tests | grep -q data")


def test_what_was_never_good_has_no_culprit(root):
    commit(root, {"value": "bad\n"}, "bad")
    assert "does not succeed 1 commits ago" in refused(root, test="false")


@pytest.mark.stress
def test_two_commits_at_fault_are_not_mended_by_one(root):
    commit(root, {"value": "bad\n"}, "bad")
    commit(root, {"n": "1\n"}, "bad too")
    sentence = refused(root, test=f'{TEST} && test "$(cat n)" = 0')
    assert "the test fails at the base without it too" in sentence


def test_a_shallow_checkout_says_how_to_get_its_past(root, tmp_path):
    more_commits(root, 2)
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", str(tmp_path / "shallow"))
    assert "fetch-depth: 0" in refused(tmp_path / "shallow", test="false")
