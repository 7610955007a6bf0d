"""Hunter's own rules for Python: what a stranger sends, followed to where it does harm."""

from grace.ci.rules.catalog import RULES, Rule
from grace.ci.rules.source import Hit, NotPython, Unread, hits

__all__ = ["RULES", "Hit", "NotPython", "Rule", "Unread", "hits"]
