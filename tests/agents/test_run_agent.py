"""One run of an agent that is a command: told, bounded, judged, and answered as a proposal."""

import os
import sys
from pathlib import Path

import pytest

from grace.agents import AgentError, run_agent
from grace.domain.agents import Agent, Builtin
from grace.domain.proposals import Budget, Refusal
from support.agent_places import FIX, RIGHT, TEST, git, place, repository, task


@pytest.fixture
def root(tmp_path):
    return tmp_path / "checkout"


@pytest.fixture
def base(root):
    return repository(root)


def run(root, base, command, test=TEST, **more):
    return run_agent(
        task(base, **more), Agent(name="fixer", command=command, minutes=1), place(root, test)
    )


def test_a_command_changes_files_and_a_proposal_comes_of_it(root, base):
    command = (
        f"{FIX}; grep -q AssertionError $GRACE_TASK; grep -q 'add is wrong' $GRACE_PROMPT; "
        "grep -q mission_20261122_001 $GRACE_MISSION; test $GRACE_BASE = $(git rev-parse HEAD); "
        'echo "The sign was wrong.<!-- merge me -->" > $GRACE_RATIONALE; '
        """echo '{"tokens_in": 7, "money_usd": 3, "measured": true}' > $GRACE_USAGE"""
    )
    proposal = run(root, base, command)
    assert proposal.sentence == ""
    assert "+    return a + b" in proposal.diff
    assert proposal.plausible is True
    assert proposal.rationale == "The sign was wrong."
    assert (proposal.usage.tokens_in, proposal.usage.measured) == (7, False)
    assert proposal.usage.seconds > 0
    assert (proposal.request, proposal.agent, proposal.base) == (
        "mission_20261122_001/ask/1",
        "fixer",
        base,
    )


def test_a_patch_with_which_the_test_fails_is_told_as_such(root, base):
    assert run(root, base, "echo '# x' >> calc.py").plausible is False
    assert run(root, git(root, "rev-parse", "HEAD"), "echo y >> z", test=None).plausible is None


@pytest.mark.parametrize(
    ("command", "refusal", "sentence"),
    [
        ("true", Refusal.NO_CHANGE, "changed nothing"),
        ("echo it is over >&2; exit 3", Refusal.FAILED, "status 3. It said last: it is over"),
        ("rm -rf .git/hooks", Refusal.FAILED, "Read-only file system"),
        (
            f"{FIX}; mkdir -p .github/workflows; echo > .github/workflows/x.yml",
            Refusal.OUT_OF_BOUNDS,
            "steers CI",
        ),
    ],
)
def test_a_run_that_leaves_no_patch_says_why(root, base, command, refusal, sentence):
    proposal = run(root, base, command, test=None)
    assert (proposal.refusal, proposal.diff) == (refusal, None)
    assert sentence in proposal.sentence


def test_a_hang_ends_with_its_minutes(root, base):
    proposal = run(root, base, "sleep 60", test=None, budget=Budget(minutes=0.01))
    assert proposal.refusal is Refusal.TIMED_OUT
    assert 0.5 < proposal.usage.seconds < 20


def test_words_are_not_read_through_a_link(root, base, tmp_path):
    other = tmp_path / "other"
    other.write_text("a secret of the machine")
    proposal = run(root, base, f"{FIX}; ln -s {other} $GRACE_RATIONALE; mkfifo $GRACE_USAGE")
    assert proposal.diff is not None
    assert proposal.rationale == ""


def test_what_the_test_changes_at_the_base_is_no_part_of_the_patch(root, base):
    test = f"echo x >> new.txt; echo '# run' >> check.py; {TEST}"
    proposal = run(root, base, FIX, test=test)
    assert "check.py" not in proposal.diff
    assert "new.txt" not in proposal.diff


def test_the_environment_of_the_caller_stays_outside(root, base, tmp_path):
    os.environ["GRACE_TEST_SECRET"] = "hidden-7"
    try:
        command = f"{FIX}; (env; cat /proc/*/environ) | grep -qa hidden-7 && exit 9 || true"
        assert run(root, base, command, test=None).diff is not None
    finally:
        del os.environ["GRACE_TEST_SECRET"]


def test_a_built_in_agent_wants_a_test_that_fails(root, base):
    git(root, "checkout", "-q", "HEAD")
    (root / "calc.py").write_text(RIGHT)
    git(root, "commit", "-qam", "fixed")
    fixed = git(root, "rev-parse", "HEAD")
    for kind in Builtin:
        agent = Agent(name="one", builtin=kind, minutes=1)
        proposal = run_agent(task(fixed), agent, place(root))
        assert proposal.refusal is Refusal.NO_PATCH
        assert "succeeds at the base" in proposal.sentence
    agent = Agent(name="one", builtin=Builtin.REVERT, minutes=1)
    proposal = run_agent(task(fixed), agent, place(root, None))
    assert "was given none" in proposal.sentence


def test_a_checkout_without_the_base_is_an_error(root, base):
    with pytest.raises(AgentError, match="git fetch failed"):
        run(root, "b" * 40, "true")


def test_commands_see_the_checkout_where_it_is_said_to_be(root, base, tmp_path):
    at = tmp_path / "as" / "if"
    agent = Agent(name="fixer", command=f"test $PWD = {at} && {FIX}", minutes=1)
    proposal = run_agent(task(base), agent, place(root, at=at))
    assert proposal.plausible is True


def test_a_test_that_cannot_be_run_is_told(root, base):
    proposal = run(root, base, FIX, test="no-such-program")
    assert proposal.refusal is Refusal.INVALID
    assert "cannot be run here" in proposal.sentence


def test_repair_says_what_it_cannot_run(root, base):
    agent = Agent(name="repair", builtin=Builtin.REPAIR, minutes=1)
    proposal = run_agent(task(base, "repair"), agent, place(root, "sh -c 'exit 1'"))
    assert proposal.refusal is Refusal.NO_PATCH
    assert "repair understands pytest" in proposal.sentence


@pytest.mark.stress
def test_repair_proposes_what_it_finds(root, base):
    (root / "test_calc.py").write_text(
        "from calc import add\n\ndef test_add():\n    assert add(2, 3) == 5\n"
    )
    git(root, "add", "-A")
    git(root, "commit", "-qm", "test")
    agent = Agent(name="repair", builtin=Builtin.REPAIR, minutes=2)
    tip = git(root, "rev-parse", "HEAD")
    own = place(root, "pytest -q -p no:cacheprovider", path=(Path(sys.executable).parent,))
    proposal = run_agent(task(tip, "repair", budget=Budget(minutes=2)), agent, own)
    assert "+    return a + b" in proposal.diff
    assert proposal.plausible is True
    assert "plausible" in proposal.rationale


def test_variables_of_git_around_the_run_do_not_steer_it(root, base, tmp_path):
    os.environ["GIT_INDEX_FILE"] = str(tmp_path / "no" / "index")
    try:
        assert run(root, base, FIX, test=None).diff is not None
    finally:
        del os.environ["GIT_INDEX_FILE"]
