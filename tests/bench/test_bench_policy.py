"""How long a policy of 1,000 rules takes over a change of 5,000 files, and how that grows."""

import random
from collections.abc import Callable
from statistics import median
from time import perf_counter

import pytest

from bench.figures import tell
from grace.domain.inspection import FileChange
from grace.domain.judging import merge_tree
from grace.domain.patch_bounds import compiled
from grace.domain.rules.case import Case
from grace.domain.rules.language import Rule
from grace.domain.verdict import Condition
from support.cases import Matter, ready

pytestmark = pytest.mark.bench

RULES, FILES, LIMIT_MS, ROUNDS = 1000, 5000, 500.0, 3
NAMES = ["api", "billing", "core", "docs", "infra", "jobs", "mesh", "search", "users", "web"]
ENDS = ["py", "ts", "md", "yaml", "sql", "tf", "json", "css"]
NOISE = 1.5  # what else runs on the machine may add half as much


def paths(count: int) -> tuple[str, ...]:
    """Make paths as a large repository has them."""
    draw = random.Random(1)
    return tuple(
        "/".join(
            [
                *(draw.choice(NAMES) for _ in range(draw.randint(1, 5))),
                f"{draw.choice(NAMES)}_{n}.{draw.choice(ENDS)}",
            ]
        )
        for n in range(count)
    )


def globs(n: int) -> list[str]:
    """Make three globs of one rule: a folder, a kind of file, a folder anywhere, a file by name."""
    draw = random.Random(n)
    name, end = draw.choice(NAMES), draw.choice(ENDS)
    mixed = [
        f"{name}/{draw.choice(NAMES)}/rule-{n}/",
        f"{name}/{draw.choice(NAMES)}/",
        f"**/*_{n}.{end}",
        f"**/*.{end}",
        f"**/{name}-{n}/**",
        f"**/{name}/**",
        f"{name}/settings-{n}.{end}",
        f"{name}/{draw.choice(NAMES)}_{n}.{end}",
    ]
    return draw.sample(mixed, 3)


def rules(count: int) -> tuple[Rule, ...]:
    """Make rules: for some paths an approval, no change of other paths, a bound on the size."""
    kinds: list[Callable[[int], dict[str, object]]] = [
        lambda n: {"when": {"paths": globs(n)}, "require": {"approvals": {"count": 1}}},
        lambda n: {"require": {"protected_paths": {"paths": globs(n)}}},
        lambda n: {"when": {"only_paths": globs(n)}, "require": {"change_size": {"files": n + 1}}},
        lambda n: {"when": {"not": {"paths": globs(n)}}, "require": {"weakened_tests": {}}},
    ]
    return tuple(
        Rule.model_validate({"name": f"rule {n}", **kinds[n % len(kinds)](n)}) for n in range(count)
    )


def matter(rule_count: int, file_count: int) -> Matter:
    files = tuple(FileChange(path=p, added=1) for p in paths(file_count))
    return ready().governed(rules=rules(rule_count)).patch(files=files)


def timed(made: Case) -> tuple[float, Condition]:
    started = perf_counter()
    tree = merge_tree(made)
    return (perf_counter() - started) * 1000, tree


def cold(made: Matter) -> float:
    """Judge for the first time in a process: no glob is compiled yet."""
    spent = []
    for _ in range(ROUNDS):
        compiled.cache_clear()
        spent.append(timed(made.case())[0])
    return median(spent)


def test_many_rules_over_a_large_change() -> None:
    large, small = matter(RULES, FILES), matter(RULES // 2, FILES // 2)
    _, tree = timed(large.case())
    floor = next(child for child in tree.children if child.name == "floor")
    assert len(floor.children) == RULES
    assert {child.result.value for child in floor.children} >= {"pass", "fail", "skipped"}
    first = cold(large)
    again = median(timed(large.case())[0] for _ in range(ROUNDS))
    half = cold(small)
    tell(
        f"{RULES} rules over {FILES} files, globs not compiled: {first:.0f} ms",
        f"{RULES} rules over {FILES} files, globs compiled: {again:.0f} ms",
        f"{RULES // 2} rules over {FILES // 2} files, globs not compiled: {half:.0f} ms",
        f"a quarter of the work takes {first / half:.1f} times less",
    )
    assert first < LIMIT_MS
    assert again < LIMIT_MS
    # Twice the rules and twice the files: four times as long, and no more.
    assert first < 4 * half * NOISE
