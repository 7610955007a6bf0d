"""Watching: metrics are sampled, kept and looked at, and what is amiss becomes an alert of hers."""

from grace.app.watching.desk import Desk, History, Plan, WatchState
from grace.app.watching.watcher import Watcher

__all__ = ["Desk", "History", "Plan", "WatchState", "Watcher"]
