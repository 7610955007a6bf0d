"""Carry a healing mission: choose a playbook, wait for its approvals, have it run, see it healed."""

from grace.domain.lifecycle.draft import Draft


def executing(draft: Draft) -> None:
    """Wait for what a run needs, then for the run."""
