"""Read from reports and test output which version of a dependency is bad, or needed.

A name counts only where the repository already declares it: nothing is ever installed because a
text names it.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

_NAME: Final = r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,80}[A-Za-z0-9])?)"
_VERSION: Final = r"(?P<version>\d+(?:\.\d+)*(?:(?:a|b|rc|\.post|\.dev)\d+)?)"
_ONE: Final = r"(?:===?|~=|!=|<=|>=|<|>)\s*[\w.*+!-]+"
_SPEC: Final = rf"(?P<spec>{_ONE}(?:\s*,\s*{_ONE})*)"
_TICK: Final = r"[`'\"]?"
# What pip and importers print, and what people write; the words of a machine come first.
_NEEDED: Final = (
    re.compile(rf"(?:requires|has requirement|depends on) {_NAME}\s*{_SPEC},? (?:but|which)"),
    re.compile(rf"Requirement\.parse\('{_NAME}(?:\[[^]]*\])?\s*{_SPEC}'\)"),
    re.compile(rf"\b(?:needs?|requires?|wants?) {_TICK}{_NAME}\s*{_SPEC}{_TICK}", re.IGNORECASE),
)
_EXACT: Final = re.compile(
    rf"\b(?:upgrade|downgrade|bump|pin|update) {_TICK}{_NAME}{_TICK} to {_TICK}(?:==)?\s?v?"
    + _VERSION,
    re.IGNORECASE,
)
_MISSING: Final = re.compile(
    rf"(?:satisfies the requirement|No matching distribution found for) {_NAME}\s*==\s*{_VERSION}"
)
_BROKEN: Final = re.compile(
    rf"{_TICK}\b{_NAME}{_TICK}\s?(?:==|v| )\s?{_VERSION}{_TICK} "
    r"(?:broke|breaks|is broken|is incompatible|removed|removes|dropped|drops)",
    re.IGNORECASE,
)
_CHANGED: Final = (
    re.compile(r"ImportError: cannot import name '[\w]+' from '(?P<name>\w+)[\w.]*'"),
    re.compile(r"AttributeError: (?:partially initialized )?module '(?P<name>\w+)[\w.]*' has no"),
)


@dataclass(frozen=True, slots=True)
class Need:
    """A dependency and the versions that would do; `versions` None: another one than now.

    `because`: the words that say so.
    """

    name: str
    versions: SpecifierSet | None
    because: str


def needs_in(text: str, declared: Collection[str]) -> tuple[Need, ...]:
    """List what a text says about dependencies that are declared, the surest first."""
    known = {canonicalize_name(name) for name in declared}
    found: dict[str, Need] = {}
    for need in _all(text):
        if need.name in known:
            found.setdefault(need.name, need)
    return tuple(found.values())


def _all(text: str) -> Iterator[Need]:
    for pattern in _NEEDED:
        for match in pattern.finditer(text):
            yield from _specified(match, match["spec"])
    for match in _MISSING.finditer(text):
        yield from _specified(match, f"!={match['version']}")
    for match in _EXACT.finditer(text):
        yield from _specified(match, f"=={match['version']}")
    for match in _BROKEN.finditer(text):
        yield from _specified(match, f"<{match['version']}")
    for pattern in _CHANGED:
        for match in pattern.finditer(text):
            yield Need(canonicalize_name(match["name"]), None, match[0])


def _specified(match: re.Match[str], spec: str) -> Iterator[Need]:
    try:
        versions = SpecifierSet(spec.rstrip(".,;"))
    except InvalidSpecifier:
        return
    yield Need(canonicalize_name(match["name"]), versions, " ".join(match[0].split()))
