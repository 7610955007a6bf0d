"""Watching: metrics are sampled, kept and looked at, and what is amiss becomes an alert of hers."""

from grace.app.watching.desk import Desk, Plan, WatchState
from grace.app.watching.watcher import Watcher

__all__ = ["Desk", "Plan", "WatchState", "Watcher"]
