"""Which way each setting of a checker points: what makes it look at less, or forgive more."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, assert_never

from grace.domain.weakened.report import excerpt, lost
from grace.domain.weakening import WeakeningKind

Values = tuple[str, ...] | None


class Points(Enum):
    """In which direction a setting gets weaker."""

    LOWER = auto()  # a number that falls, or goes
    HIGHER = auto()  # a number that rises
    MORE = auto()  # a list that grows
    FEWER = auto()  # a list that shrinks
    FALSE = auto()  # a switch that is turned off, or goes
    TRUE = auto()  # a switch that is turned on
    SEVERITY = auto()  # a rule that is only a warning, or off
    WARNINGS = auto()  # filters of warnings


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# By the last part of the key, in small letters and with underscores.
_BY_NAME: Final = {
    Points.LOWER: _words(
        """
        branches break confidence_min coverage_threshold fail_under functions lines
        min_coverage min_covered min_score minimum_coverage minimum_score minscore
        statements target
        """
    ),
    Points.HIGHER: _words(
        """
        cognitive_complexity_threshold cyclomatic_complexity_threshold max_args max_attributes
        max_bool_expr max_branches max_complexity max_issues_per_linter max_lines_per_function
        max_locals max_nested_blocks max_parents max_positional_args max_public_methods
        max_returns max_same_issues max_statements max_warnings maxwarnings min_complexity
        reruns retries threshold timeout too_many_lines_threshold
        """
    ),
    Points.MORE: _words(
        """
        allowed_confusables allowlist collect_ignore coverage_exclude coveragepathignorepatterns
        deselect disable disable_error_code disabled exclude exclude_also exclude_dirs
        exclude_dirs_use_default exclude_files exclude_lines exclude_paths exclude_rules
        exclude_use_default excluded excludes exclusions extend_exclude extend_ignore
        extend_per_file_ignores files_ignore force_exclude generated_members ignore ignore_names
        ignore_paths ignore_patterns ignore_words_list ignored_classes ignored_modules
        ignored_paths ignoreerrors ignorepatterns ignores modulepathignorepatterns norecursedirs
        omit partial_also partial_branches per_file_ignores skip skip_dirs skip_files skips
        testpathignorepatterns untyped_calls_exclude watchpathignorepatterns
        """
    ),
    Points.FEWER: _words(
        """
        checks collectcoveragefrom depends enable enable_error_code enabled_rules env_list
        envlist extend_select extends files hooks id include load_plugins only_rules
        opt_in_rules packages plugins python_classes python_files python_functions reporters
        required_plugins roots select source source_pkgs sources test_paths
        testmatch testpaths testregex tests
        """
    ),
    Points.FALSE: _words(
        """
        alwaysstrict bail branch check_tests check_untyped_defs
        collectcoverage default_enabled disallow_any_generics enable_all
        exactoptionalpropertytypes extra_checks fail_ci_if_error fail_fast fail_on_warning
        failonrisky failonwarning forbidonly forceconsistentcasinginfilenames require_ci_to_pass
        stoponfailure strict strict_config strict_markers useunknownincatchvariables
        xfail_strict
        """
    ),
    Points.TRUE: _words(
        """
        allow_empty allow_failure allow_redefinition allowonly allowunreachablecode
        allowunusedlabels continue_on_error dangerouslyignoreunhandlederrors disable_all
        exclude_protected exit_zero ignore_errors ignore_missing_imports ignore_outcome
        ignorebuilderrors ignoreduringbuilds implicit_optional implicit_reexport informational
        new no_cov only_new_issues passwithnotests skip_empty_tests
        skip_missing_interpreters skiplibcheck soft_fail suppressimplicitanyindexerrors
        suppressnotestexitcode warn_only
        """
    ),
    Points.WARNINGS: _words(
        """
        filterwarnings
        """
    ),
}
_BY_PATTERN: Final = (
    (
        re.compile(
            r"^(disallow|warn|strict|no_implicit|noimplicit|nounused|nounchecked"
            r"|nofallthrough|noproperty)"
        ),
        Points.FALSE,
    ),
    (re.compile(r"^(allow_untyped|allow_any|allow_incomplete)"), Points.TRUE),
    (re.compile(r"^report[a-z]{5,}$|^typecheckingmode$|^follow_imports$"), Points.SEVERITY),
)
_PARENTS: Final = re.compile(
    r"(?i)(^|[._-])(rules|per-file-ignores|per_file_ignores|extend-per-file-ignores)\."
)
_SEVERITIES: Final = {
    "off": 0, "none": 0, "ignore": 0, "0": 0, "false": 0, "skip": 0, "silent": 0,
    "hint": 1, "info": 1, "information": 1, "warn": 1, "warning": 1, "1": 1, "basic": 1,
    "error": 2, "2": 2, "true": 2, "standard": 2, "normal": 2, "strict": 3, "all": 3,
}  # fmt: skip
_EVERYTHING: Final = frozenset({"ALL", "all", "*", "."})
# Lists without which less is checked; without the others, more is.
_MISSED: Final = frozenset({"select", "enable", "id", "extends"})
_COLLECTED: Final = {
    "python_files": frozenset({"test_*.py", "test*.py", "*.py"}),
    "python_functions": frozenset({"test", "test_", "test*", "test_*"}),
    "python_classes": frozenset({"Test", "Test*"}),
}
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
# Keys of packaging, of formatting by width, and of text for people.
_NOT_CHECKS: Final = re.compile(
    r"(?i)^(tool\.(hatch\.build|setuptools|poetry|flit|pdm\.build|maturin|scikit-build"
    r"|commitizen|semantic_release"
    r"|bumpversion|towncrier|cibuildwheel|uv|git-cliff)|build-system|project|options"
    r"|metadata|bumpversion"
    r"|dependency-groups|dependencies|devdependencies|peerdependencies|files|keywords|engines|repository"
    r"|author|bin|exports"
    r"|compileroptions\.(lib|types|paths))(\.|$)"
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A setting that got weaker; `needle`: words of the line that did it."""

    kind: WeakeningKind
    message: str
    needle: str = ""


def points_of(key: str) -> Points | None:
    """Say in which direction a setting gets weaker; None: it does in none."""
    if _NOT_CHECKS.search(key):
        return None
    name = key.rpartition(".")[2].replace("-", "_").lower()
    parent = _PARENTS.search(key)
    if parent:
        return Points.SEVERITY if parent[2].lower() == "rules" else Points.MORE
    named = next((points for points, names in _BY_NAME.items() if name in names), None)
    return named or next((points for pattern, points in _BY_PATTERN if pattern.search(name)), None)


def judge(key: str, before: Values, after: Values) -> Iterator[Judged]:
    """Say how a setting got weaker; None: the file has it not."""
    points = points_of(key)
    name = excerpt(key)
    relaxed = WeakeningKind.CHECK_RELAXED
    match points:
        case None:
            return
        case Points.LOWER | Points.HIGHER:
            yield from _number(name, points, before, after)
        case Points.MORE:
            yield from (
                Judged(relaxed, f"{name} also leaves out {excerpt(item)}", item)
                for item in _outside(_lists(after), _lists(before))
            )
        case Points.FEWER:
            yield from _overridden(name, before, after)
            if after is not None or name.rpartition(".")[2] in _MISSED:
                yield from (
                    Judged(relaxed, f"{name} no longer has {excerpt(item)}")
                    for item in _outside(_lists(before), _lists(after))
                    # A hook that got a longer name is still there.
                    if not any(other.startswith(f"{item}-") for other in _lists(after))
                )
        case Points.FALSE:
            if _is(after, "false") and not _is(before, "false"):
                yield Judged(relaxed, f"{name} is switched off")
            elif after is None and _is(before, "true"):
                yield Judged(relaxed, f"{name} is gone")
        case Points.TRUE:
            if _is(after, "true") and not _is(before, "true"):
                yield Judged(relaxed, f"{name} is switched on")
        case Points.SEVERITY:
            yield from _severity(name, before, after)
        case Points.WARNINGS:
            yield from _warnings(name, before or (), after or ())
        case _:
            assert_never(points)


def _overridden(name: str, before: Values, after: Values) -> Iterator[Judged]:
    """Say that a new setting takes the place of what is collected where there is none."""
    usual = _COLLECTED.get(name.rpartition(".")[2], frozenset())
    if before is None and usual and usual.isdisjoint(_lists(after)):
        message = f"{name} takes the place of what is collected without it"
        yield Judged(WeakeningKind.CHECK_RELAXED, message)


def _is(values: Values, wanted: str) -> bool:
    same = {"true": {"true", "1", "yes", "on"}, "false": {"false", "0", "no", "off"}}[wanted]
    return values is not None and any(v.lower() in same for v in values)


def _lists(values: Values) -> Counter[str]:
    items = (item for value in values or () for item in re.split(r"[,\s]+(?![^()]*\))", value))
    return Counter(dict.fromkeys((i.strip("'\"") for i in items if i), 1))


def _outside(items: Counter[str], others: Counter[str]) -> list[str]:
    """Return the items that the others do not cover; a code is covered by what it begins with."""
    if not _EVERYTHING.isdisjoint(others):
        return []
    codes = tuple(o for o in others if re.fullmatch(r"[A-Z]+\d*", o))
    return [i for i in lost(items, others) if not (codes and i.startswith(codes))]


def _numbers(values: Values) -> list[float]:
    return [float(m[0]) for v in values or () if (m := _NUMBER.match(v.strip()))]


def _number(name: str, points: Points, before: Values, after: Values) -> Iterator[Judged]:
    kind = WeakeningKind.THRESHOLD_LOWERED
    old, new = sorted(_numbers(before)), sorted(_numbers(after))
    if points is Points.LOWER and any(old) and len(new) < len(old):
        yield Judged(kind, f"{name} is gone, which was {old[-1]:g}")
        return
    for a, b in zip(old, new, strict=False):
        if (b < a) if points is Points.LOWER else (b > a):
            yield Judged(kind, f"{name} went from {a:g} to {b:g}")


def _severity(name: str, before: Values, after: Values) -> Iterator[Judged]:
    old = [_SEVERITIES[v.lower()] for v in before or () if v.lower() in _SEVERITIES]
    new = [_SEVERITIES[v.lower()] for v in after or () if v.lower() in _SEVERITIES]
    if old and (not new or new[0] < old[0]) and old[0] > 0:
        yield Judged(WeakeningKind.CHECK_RELAXED, f"{name} is no longer as severe")
    elif not old and new and new[0] == 0:
        yield Judged(WeakeningKind.CHECK_RELAXED, f"{name} is off")


def _warnings(name: str, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[Judged]:
    kind = WeakeningKind.CHECK_RELAXED
    for item in lost(after, before):
        if item.startswith(("ignore", "default", "once", "always", "module")):
            yield Judged(kind, f"{name} forgives {excerpt(item)}", item)
    for item in lost(before, after):
        if item.startswith("error"):
            yield Judged(kind, f"{name} has no {excerpt(item)}")
