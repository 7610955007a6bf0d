"""Agents: whatever is asked for a patch, run in a sandbox and judged like a stranger."""

from grace.agents.judge import AgentError, Judge, Judged, Refused, bounds_of
from grace.agents.place import Place
from grace.agents.running import run_agent

__all__ = ["AgentError", "Judge", "Judged", "Place", "Refused", "bounds_of", "run_agent"]
