"""Say what agents, memory and playbooks did: the sentences of `elite.*`."""

from collections.abc import Callable, Mapping
from typing import Any, Final

Payload = Mapping[str, Any]


def sha_of(value: object) -> str:
    """Shorten a commit, or what stands in its place."""
    return str(value)[:10]


def _proposed(p: Payload, actor: str) -> str:
    """Tell what an agent or a playbook left: a patch, or why there is none."""
    if p.get("refusal"):
        return f"{actor} left no patch: {p['sentence']}"
    why, used = p.get("rationale"), _used(p.get("usage") or {})
    return f"{actor} proposes {p['candidate']}" + used + (f": {why}" if why else "")


def _used(usage: Payload) -> str:
    """Tell what an answer cost, as far as it is known."""
    tokens = usage.get("tokens_in", 0) + usage.get("tokens_out", 0)
    parts = [f"{usage['seconds']:.0f} s"] if usage.get("seconds") else []
    parts += [f"{tokens:,} tokens"] if tokens else []
    parts += [f"{usage['money_usd']:.2f} USD"] if usage.get("measured") else []
    return f" ({', '.join(parts)})" if parts else ""


def _claimed(payload: Payload, _actor: str) -> str:
    return f"claimed by {payload['agent']} ({payload['role']}) until {payload['until'][11:19]} UTC"


REMEDIES: Final[Mapping[str, Callable[[Payload, str], str]]] = {
    "elite.claimed": _claimed,
    "elite.recalled": lambda p, _: f"memory: {p['sentence'] or 'nothing like this is known'}",
    "elite.reused": lambda p, _: f"the patch of {p['mission']} held before and is tried again",
    "elite.agent_asked": lambda p, _: (
        f"agent {p['agent']} asked for a patch of {sha_of(p['base'])}"
        + (f": {p['why']}" if p["why"] else "")
    ),
    "elite.proposed": _proposed,
    "elite.playbook_chosen": lambda p, _: (
        f"playbook {p['playbook']} v{p['version']} on {p['target']}, {p['risk']} risk: {p['why']}"
    ),
    "elite.run_ordered": lambda p, _: f"{p['mode']} of {p['playbook']} on {p['target']} ordered",
    "elite.run_reported": lambda p, a: (
        f"runner {a}: {p['state'].replace('_', ' ')}: {p['sentence']}"
    ),
    "elite.playbook_failed": lambda p, _: p["reason"],
    "elite.undo_ordered": lambda p, _: f"what the playbook did is taken back: {p['reason']}",
    "elite.released": lambda p, _: f"given back by {p['agent']}",
}
