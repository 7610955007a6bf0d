"""What rules name that is nowhere else, at its line of the file."""

from collections.abc import Iterator, Sequence

from grace.adapters.config.strict import (
    MAX_PROBLEMS,
    ConfigProblem,
    Source,
    compose,
    locate,
    more_problems,
)
from grace.domain.catalog import Catalog, Subsystems
from grace.domain.policy import Governance
from grace.domain.rules.language import Rule
from grace.domain.rules.references import problems


def rule_problems(
    source: Source, rules: Sequence[Rule], known: tuple[Governance, Catalog, Subsystems | None]
) -> Iterator[ConfigProblem]:
    """Find what is wrong with the rules of a file that was read from `source`."""
    found = problems(rules, *known)
    root = compose(source) if found else None
    for loc, told in found[:MAX_PROBLEMS]:
        node, path = locate(root, loc)
        yield source.problem(node, path, told)
    if len(found) > MAX_PROBLEMS:
        yield more_problems(source, len(found))
