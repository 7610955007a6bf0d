"""Find commands that check less than they did: in scripts, recipes and options of test runners."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from grace.domain.weakened.report import excerpt, lost
from grace.domain.weakening import WeakeningKind

Told = tuple[WeakeningKind, int, str]

# A line is about checks at all.
_CHECKS: Final = re.compile(
    r"(?i)test|lint|check|cov|typ(e|ing)|mypy|ruff|flake8|audit|bandit|scan|verify|jest"
    r"|rspec|tox|nox|addopts"
)
_WEAK: Final = re.compile(
    r"\bPYTHONOPTIMIZE\b|\bPYTEST_ADDOPTS\b|\bpython3?\s+-O+\b"
    r"|\|\|\s*(?:true|:|exit\s+0|echo\b|/bin/true)|;\s*(?:true|:|exit\s+0)\s*$"
    r"|\bset\s+\+e\b|\bset\s+\+o\s+\w+"
    r"|(?<![\w-])--(?:deselect|ignore(?:-glob)?|no-cov(?:-on-fail)?|exit-zero"
    r"|passWithNoTests|pass-with-no-tests"
    r"|collect-only|co|setup-(?:only|plan)|last-failed|lf|stepwise|reruns"
    r"|continue-on-collection-errors"
    r"|suppress-no-test-exit-code|no-verify|no-strict\w*|ignore-missing-imports|no-fail\w*"
    r"|skip(?:-[\w-]+)?"
    r"|exclude(?:-[\w-]+)?|allow-[\w-]+|updateSnapshot|testPathIgnorePatterns|no-run|quiet-failures"
    r"|extend-ignore|disable|noconftest|rootdir|override-ini|soft-fail|keep-going)(?![\w])"
    r"|(?<![\w-])-(?:k|m(?=\s*[\"'=]|\s+(?:not|unit|fast|smoke)\b)|p\s*no:[\w-]+|W\s*ignore\S*|o\s*\w+=\S*|skip|short)(?![\w-])"
    r"|-D(?:skipTests|maven\.test\.skip)\S*"
    r"|continue-on-error:\s*(?!false)\S+|allow_failure:\s*true|\bif:\s*(?:false"
    r"|\$\{\{\s*false\s*\}\})"
    r"|\bignore_(?:outcome|errors)\s*=\s*true|\bsuccess_codes\s*=|\bexit\s+0\s*(?:;|&&|$)"
)
_STRONG: Final = re.compile(
    r"(?<![\w-])--(?:strict(?:-markers|-config)?|cov(?:-branch)?|doctest-modules"
    r"|error-for-skips|ci|locked"
    r"|frozen|warnings-as-errors|fail-on-[\w-]+|forbid-only|check|runInBand-strict|Werror)(?![\w-])"
    r"|(?<![\w-])-(?:race|Werror|W\s*error\S*|D\s*warnings)(?![\w-])|\bset\s+-\w*e\w*\b"
    r"|\bpipefail\b"
)
_TOOLS: Final = re.compile(
    r"(?<![\w./])(?<!\w-)(?<!--)(?:pytest|unittest|tox|nox|ruff|mypy|pyright|basedpyright|flake8|pylint"
    r"|bandit|vulture"
    r"|coverage|eslint|jest|vitest|mocha|tsc|go\s+test|go\s+vet|golangci-lint|staticcheck"
    r"|cargo\s+test"
    r"|cargo\s+clippy|mvn|gradlew?|rspec|rubocop|phpunit|phpstan|dotnet\s+test|pre-commit"
    r"|semgrep|zizmor"
    r"|detect-secrets|gitleaks|trivy|shellcheck|ctest|playwright|cypress|stylelint|locust"
    r"|k6|pip-audit"
    r"|npm\s+(?:run\s+)?test|yarn\s+test|pnpm\s+test)(?![\w-])"
)
_LEAST: Final = re.compile(
    r"--(?P<name>cov-fail-under|fail-under|min-coverage|threshold|coverage-threshold"
    r"|numprocesses-min)[=\s]+(?P<number>\d+(?:\.\d+)?)"
)
_MOST: Final = re.compile(
    r"--(?P<name>max-warnings|timeout|max-complexity|retries|max-line-length"
    r"|reruns)[=\s]+(?P<number>\d+(?:\.\d+)?)"
)
_TARGET: Final = re.compile(r"^(?P<target>[\w./-]+)\s*::?(?!=)\s*(?P<needs>[^=#;]*)(?:#.*)?$")
_IGNORED_RECIPE: Final = re.compile(r"^-@?|^@-")


def relaxed_commands(
    before: Sequence[tuple[int, str]], after: Sequence[tuple[int, str]]
) -> Iterator[Told]:
    """Compare command lines; each comes with its number."""
    yield from _gained(_about_checks(before), _about_checks(after))
    yield from _gone(before, after, _STRONG, "a check lost its option")
    yield from _gone(before, after, _TOOLS, "a check is run less often")
    yield from _limits(before, after)


def relaxed_recipes(
    before: Sequence[tuple[int, str]], after: Sequence[tuple[int, str]]
) -> Iterator[Told]:
    """Compare the targets of a Makefile: what they need, and recipes whose failure is ignored."""
    old, new = dict(_needs(before)), dict(_needs(after))
    for need in old.keys() - new.keys():
        kind = WeakeningKind.CHECK_RELAXED
        yield kind, old[need], f"{excerpt(need[0])} no longer needs {excerpt(need[1])}"
    known = Counter(text for _, text in before)
    for number, text in after:
        if _IGNORED_RECIPE.match(text) and not known[text] and _CHECKS.search(text):
            yield WeakeningKind.CHECK_RELAXED, number, "a failure of this command is ignored"


def _needs(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[tuple[str, str], int]]:
    for number, text in lines:
        match = _TARGET.match(text)
        if match and (_CHECKS.search(match["target"]) or match["target"] in {"all", "ci"}):
            yield from (((match["target"], need), number) for need in match["needs"].split())


def _about_checks(lines: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    return [
        (number, text) for number, text in lines if _CHECKS.search(text) or "continue-on" in text
    ]


def _gained(before: Sequence[tuple[int, str]], after: Sequence[tuple[int, str]]) -> Iterator[Told]:
    known = Counter(_spaceless(m) for _, text in before for m in _WEAK.findall(text))
    for number, text in after:
        for match in _WEAK.findall(text):
            if known[_spaceless(match)] > 0:
                known[_spaceless(match)] -= 1
            else:
                yield WeakeningKind.CHECK_RELAXED, number, f"a check is run with {excerpt(match)}"


def _gone(
    before: Sequence[tuple[int, str]],
    after: Sequence[tuple[int, str]],
    pattern: re.Pattern[str],
    message: str,
) -> Iterator[Told]:
    old = [(_spaceless(m), number) for number, text in before for m in pattern.findall(text)]
    new = [_spaceless(m) for _, text in after for m in pattern.findall(text)]
    places = dict(reversed(old))
    for word in lost((w for w, _ in old), new):
        yield WeakeningKind.CHECK_RELAXED, places[word], f"{message}: {excerpt(word)}"


def _limits(before: Sequence[tuple[int, str]], after: Sequence[tuple[int, str]]) -> Iterator[Told]:
    kind = WeakeningKind.THRESHOLD_LOWERED
    for pattern, sign in ((_LEAST, 1), (_MOST, -1)):
        old, new = _numbers(before, pattern), _numbers(after, pattern)
        for name, (number, line) in old.items():
            now = new.get(name)
            if now is None and name != "timeout":
                yield kind, line, f"the limit {name} is gone"
            elif now is not None and (now[0] - number) * sign < 0:
                yield kind, now[1], f"{name} went from {number:g} to {now[0]:g}"


def _numbers(
    lines: Sequence[tuple[int, str]], pattern: re.Pattern[str]
) -> dict[str, tuple[float, int]]:
    matches = ((match, number) for number, text in lines for match in pattern.finditer(text))
    return {m["name"]: (float(m["number"]), number) for m, number in matches}


def _spaceless(text: str) -> str:
    return " ".join(text.split())
