"""Tell from a path what a file is for: to test, to build, to set up checks, or to rule."""

import re
from enum import StrEnum
from typing import Final

_GRACE_CONFIG: Final = re.compile(r"config/(governance|metrics_catalog|subsystems)\.ya?ml")
_POLICY: Final = re.compile(
    r"\.github/(mission-control|hunter-waivers)\.ya?ml|((\.github|\.gitlab|docs)/)?CODEOWNERS"
)
_LOAD_TEST: Final = re.compile(r"(.*/)?(load_?-?tests?/.+|locustfile[^/]*\.py|[^/]*\.k6\.[jt]s)")
_WORKFLOW: Final = re.compile(
    r"\.github/(workflows|actions)/.+|(.*/)?action\.ya?ml|\.gitlab-ci\.ya?ml|\.gitlab/ci/.+"
    r"|\.circleci/.+|\.buildkite/.+|azure-pipelines\.ya?ml|bitbucket-pipelines\.ya?ml"
    r"|\.travis\.ya?ml|Jenkinsfile|\.drone\.ya?ml|\.woodpecker.*"
)
_COMMANDS: Final = re.compile(
    r"(GNU)?[Mm]akefile|.*\.mk|noxfile\.py|[Jj]ustfile|Taskfile\.ya?ml|Rakefile|tasks\.py"
    r"|build\.gradle(\.kts)?|pom\.xml|runtests.*|run[-_]tests?.*|.*[-_]tests?\.sh"
)
_SETTINGS: Final = re.compile(
    r"pyproject\.toml|setup\.cfg|tox\.ini|\.?pytest\.(ini|toml)|\.coveragerc.*"
    r"|\.?mypy\.ini|\.?ruff\.toml"
    r"|\.flake8|\.?pylintrc(\.toml)?|\.bandit|bandit\.ya?ml|\.pydocstyle|pyrightconfig\.json"
    r"|package\.json|composer\.json|(jest|vitest|eslint|stylelint|playwright|cypress"
    r"|karma)\.config\..+"
    r"|\.(eslintrc|stylelintrc|mocharc|nycrc|c8rc)(\..+)?|tsconfig.*\.json|biome\.jsonc?"
    r"|\.eslintignore|\.golangci\.(ya?ml|toml|json)|\.?codecov\.ya?ml|\.pre-commit-config\.ya?ml"
    r"|sonar-project\.properties|\.rubocop.*\.yml|\.simplecov|\.?clippy\.toml"
    r"|phpstan.*\.neon(\.dist)?"
    r"|phpunit\.xml(\.dist)?|\.semgrepignore|\.swiftlint\.yml|detekt\.ya?ml|\.yamllint"
    r"|\.secrets\.baseline"
    r"|\.?gitleaks\.toml|\.?zizmor\.ya?ml|\.coveralls\.yml|deny\.toml|\.?taplo\.toml"
)
_TEST_FOLDERS: Final = frozenset(
    {"test", "tests", "testing", "__tests__", "spec", "specs", "e2e", "androidTest", "Tests"}
)
_PYTHON_TEST: Final = re.compile(r"test.*\.py|.*_tests?\.py|conftest\.py")
_PYTHON_COLLECTED: Final = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")
# Where pytest does not look, whatever a file is called.
_NOT_COLLECTED: Final = frozenset({"build", "dist", "node_modules", "venv", "CVS", "_darcs"})
_STARTUP: Final = frozenset({"sitecustomize.py", "usercustomize.py"})


class Place(StrEnum):
    """What a file is for; whatever is none of these is judged by its language alone."""

    POLICY = "policy"
    LOAD_TEST = "load_test"
    WORKFLOW = "workflow"
    COMMANDS = "commands"
    SETTINGS = "settings"
    PYTHON_TEST = "python_test"
    STARTUP = "startup"
    OTHER = "other"


def name_of(path: str) -> str:
    """Return the last part of a path."""
    return path.rpartition("/")[2]


def in_test_folder(path: str) -> bool:
    """Tell whether a folder on the way is one of tests."""
    return not _TEST_FOLDERS.isdisjoint(path.split("/")[:-1])


def is_collected(path: str) -> bool:
    """Tell whether pytest collects from such a file as it comes."""
    folders = path.split("/")[:-1]
    skipped = any(f in _NOT_COLLECTED or f.startswith(".") or f.endswith(".egg") for f in folders)
    return not skipped and _PYTHON_COLLECTED.fullmatch(name_of(path)) is not None


def place_of(path: str) -> Place:
    """Say what a file is for."""
    name = name_of(path)
    if _POLICY.fullmatch(path) or _GRACE_CONFIG.fullmatch(path):
        return Place.POLICY
    if _LOAD_TEST.fullmatch(path):
        return Place.LOAD_TEST
    if _WORKFLOW.fullmatch(path):
        return Place.WORKFLOW
    if name in _STARTUP or name.endswith(".pth"):
        return Place.STARTUP
    if _SETTINGS.fullmatch(name):
        return Place.SETTINGS
    if _PYTHON_TEST.fullmatch(name) or (name.endswith(".py") and in_test_folder(path)):
        return Place.PYTHON_TEST
    return Place.COMMANDS if _COMMANDS.fullmatch(name) else Place.OTHER
