"""What a person reads of a proposal on the command line."""

from grace.domain.hidden import strip_characters
from grace.domain.proposals import Proposal, Refusal, Usage

_NEXT = {
    Refusal.NO_CHANGE: "Say more of what is wrong with --say, or give a test that fails.",
    Refusal.NO_PATCH: "Try another agent, more --minutes, or another test.",
    Refusal.OUT_OF_BOUNDS: "Such files are for people to change.",
    Refusal.SECRET: "",
    Refusal.BINARY: "A person must make this change.",
    Refusal.LINK: "A person must make this change.",
    Refusal.SUBMODULE: "A person must make this change.",
    Refusal.TOO_LARGE: "Ask for one thing at a time.",
    Refusal.TIMED_OUT: "Give it more --minutes.",
    Refusal.RESOURCES: "See what of it uses so much; the bounds are in docs/sandbox.md.",
    Refusal.FAILED: "Correct what it says, and try again.",
    Refusal.NO_SANDBOX: "",
    Refusal.BUDGET: "Give it more money_usd in agents.yaml.",
    Refusal.INVALID: "Correct what it says, and try again.",
}


def proposal_told(proposal: Proposal) -> str:
    """Say what came of a run: how far the patch holds, or why there is none, and what it used."""
    if proposal.refusal is not None:
        lines = [f"No patch ({proposal.refusal.value}). {proposal.sentence}"]
        lines += [_NEXT[proposal.refusal]] if _NEXT[proposal.refusal] else []
    else:
        lines = [f"A patch of {proposal.lines} lines. {_holds(proposal)}"]
        lines += [proposal.rationale] if proposal.rationale else []
    return strip_characters("\n".join((*lines, f"It used {_used(proposal.usage)}.")))


def _holds(proposal: Proposal) -> str:
    match proposal.plausible:
        case True:
            told = "It is plausible: the test succeeds with it, which is no proof that it is right."
        case False:
            told = "The test still fails with it."
        case None:
            told = "No test was run with it."
    if proposal.held_back is None:
        return told
    total, passed = proposal.held_back
    return f"{told} Of {total} tests that it did not see, {passed} pass."


def _used(usage: Usage) -> str:
    told = f"{usage.seconds:.1f} s"
    if usage.tokens_in or usage.tokens_out:
        told += f", {usage.tokens_in} tokens in and {usage.tokens_out} out"
    if usage.money_usd:
        told += f", {usage.money_usd:.4f} US dollars"
        told += "" if usage.measured else " as it says itself"
    return told
