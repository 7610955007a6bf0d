"""Rules that ask for what no workflow of the base branch makes. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import yaml

from grace.domain.rules.language import Rule
from grace.setup.findings import Finding, good, warn

_MAX_TEXT: Final = 262_144
_CALLED: Final = "/.github/workflows/mission.yml"
_ACTION: Final = "/actions/tests@"
_ACTIONS: Final = {
    "/actions/hunter@": "security",
    "/actions/stress@": "stress",
    "/actions/artifacts@": "attestations",
}
_OFF: Final = ("", "0", "False", "false", "None")
_MEND: Final = {
    "red_on_base": "add the job red-on-base as docs/install.md shows it, or take the rule away",
    "flake_proof": "let the action tests run failed suites again (rerun), or take the rule away",
    "security": "add the job hunter as docs/install.md shows it, or take the rule away",
    "stress": "add the job stress as docs/install.md shows it, or take the rule away",
    "attestations": "report artifacts as docs/attestations.md shows it, or take the rule away",
}


def check_rules(rules: Iterable[Rule], files: Mapping[str, str], repository: str) -> list[Finding]:
    """Judge whether some workflow makes what rules ask of CI; nothing asked, nothing said."""
    asked = {
        name: rule.name
        for rule in rules
        for each in rule.require.walk()
        for name in _MEND
        if getattr(each, name) is not None
    }
    made = {name for text in files.values() for name in _made(text)}
    return [
        good(f"{repository}: {name}", "a workflow makes it")
        if name in made
        else warn(
            f"{repository}: {name}",
            f"the rule {rule!r} asks for it, and no workflow seems to make it",
            _MEND[name],
        )
        for name, rule in sorted(asked.items())
    ]


def _made(text: str) -> Iterator[str]:
    """Name what a workflow's calls of ours make, as far as its inputs say."""
    for uses, given in _calls(text):
        if _CALLED in uses:
            yield from _made_by_mission(given)
        elif _ACTION in uses and str(given.get("subject", "head")) == "base":
            yield "red_on_base"
        elif _ACTION in uses and _on(given, "rerun", 1):
            yield "flake_proof"
        else:
            yield from (made for action, made in _ACTIONS.items() if action in uses)


def _made_by_mission(given: Mapping[str, Any]) -> Iterator[str]:
    """Name what the reusable workflow makes of its inputs."""
    inputs = (
        ("red_on_base", "red-on-base", True),
        ("flake_proof", "rerun-failed", 1),
        ("security", "hunter", True),
        ("stress", "stress-start", ""),
    )
    yield from (made for made, name, default in inputs if _on(given, name, default))


def _on(given: Mapping[str, Any], name: str, default: object) -> bool:
    return str(given.get(name, default)) not in _OFF


def _calls(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what jobs and steps use, and what they give it."""
    if len(text) > _MAX_TEXT:
        return
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return  # a warning of its own says so
    jobs = _mapping(_mapping(document).get("jobs"))
    for job in map(_mapping, jobs.values()):
        listed = job.get("steps")
        steps = listed if isinstance(listed, list) else []
        for each in (job, *map(_mapping, steps)):
            yield f"/{each.get('uses', '')}", _mapping(each.get("with"))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
