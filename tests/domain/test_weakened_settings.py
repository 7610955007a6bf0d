"""Settings that let more pass are found with their line; stricter ones and moved ones are not."""

import pytest

from grace.domain.weakened import weakened
from support.weakenings import RELAXED, THRESHOLD, UNREADABLE, found, pair

PYTEST = '[tool.pytest.ini_options]\naddopts = "--strict-markers"\nxfail_strict = true\nfilterwarnings = ["error"]\n'
COVERAGE = '[tool.coverage.report]\nfail_under = 90\nomit = ["a.py"]\n'
RUFF = '[tool.ruff.lint]\nselect = ["E", "F", "S"]\nignore = ["E501"]\n'
MYPY = "[tool.mypy]\nstrict = true\n"
JEST = (
    '{"jest": {"coverageThreshold": {"global": {"lines": 80}}}, "scripts": {"test": "jest --ci"}}\n'
)
TSCONFIG = '{\n  // strict\n  "compilerOptions": {\n    "strict": true,\n    "skipLibCheck": false,\n  },\n}\n'
ESLINT = '{\n  "extends": ["a", "b"],\n  "rules": {\n    "no-eval": "error",\n    "eqeqeq": ["error", "smart"]\n  }\n}\n'
GOLANGCI = "linters:\n  enable:\n    - errcheck\n    - gosec\nissues:\n  exclude: [a]\n  max-same-issues: 3\n"
CODECOV = "coverage:\n  status:\n    project:\n      default:\n        target: 80%\n        threshold: 1%\n"
PRECOMMIT = "repos:\n- repo: https://a\n  rev: v1\n  hooks:\n  - id: ruff\n    args: [--check]\n  - id: mypy\n"
TOX = "[testenv]\ncommands =\n    pytest --cov-fail-under=90\n    ruff check\n"
FLAKE8 = "[flake8]\nmax-complexity = 10\nignore = E501\nper-file-ignores =\n    a.py: E1\n"
VITEST = "export default {\n  test: { passWithNoTests: false },\n  thresholds: { lines: 80 },\n  exclude: ['a'],\n}\n"
SONAR = "sonar.sources=src\nsonar.exclusions=a.py\n"

ROWS = {
    "fail_under lowered": ("pyproject.toml", COVERAGE, COVERAGE.replace("90", "9"), [(THRESHOLD, 2)]),
    "fail_under raised": ("pyproject.toml", COVERAGE, COVERAGE.replace("90", "95"), []),
    "fail_under removed": ("pyproject.toml", COVERAGE, COVERAGE.replace("fail_under = 90\n", ""), [(THRESHOLD, 2)]),
    "fail_under added": ("pyproject.toml", COVERAGE.replace("fail_under = 90\n", ""), COVERAGE, []),
    "file deleted": (".coveragerc", "[report]\nfail_under = 90\n", None, [(THRESHOLD, 2)]),
    "file without checks deleted": ("setup.cfg", "[metadata]\nname = a\n", None, []),
    "omit grown": ("pyproject.toml", COVERAGE, COVERAGE.replace('"a.py"', '"a.py", "b.py"'), [(RELAXED, 3)]),
    "omit shrunk": ("pyproject.toml", COVERAGE, COVERAGE.replace('"a.py"', ""), []),
    "omit reformatted": ("pyproject.toml", COVERAGE, COVERAGE.replace('["a.py"]', '[\n  "a.py",\n]'), []),
    "comment added": ("pyproject.toml", COVERAGE, "# why\n" + COVERAGE, []),
    "ruff ignore grown": ("pyproject.toml", RUFF, RUFF.replace('"E501"', '"E501", "S101"'), [(RELAXED, 3)]),
    "ruff ignore narrowed": ("pyproject.toml", RUFF.replace("E501", "E5"), RUFF, []),
    "ruff ignore widened": ("pyproject.toml", RUFF, RUFF.replace("E501", "E5"), [(RELAXED, 3)]),
    "ruff select shrunk": ("pyproject.toml", RUFF, RUFF.replace(', "S"', ""), [(RELAXED, 2)]),
    "ruff select grown": ("pyproject.toml", RUFF, RUFF.replace('"S"', '"S", "B"'), []),
    "ruff select all": ("pyproject.toml", RUFF, RUFF.replace('"E", "F", "S"', '"ALL"'), []),
    "ruff select gone": ("ruff.toml", '[lint]\nselect = ["S"]\n', "[lint]\n", [(RELAXED, 2)]),
    "ruff for a file": (
        "pyproject.toml",
        RUFF,
        RUFF + '[tool.ruff.lint.per-file-ignores]\n"a.py" = ["S"]\n',
        [(RELAXED, 5)],
    ),
    "ruff at last": ("pyproject.toml", "", RUFF, []),
    "ruff that only ignores": ("pyproject.toml", "", '[tool.ruff.lint]\nignore = ["S"]\n', [(RELAXED, 2)]),
    "strict off": ("pyproject.toml", MYPY, MYPY.replace("true", "false"), [(RELAXED, 2)]),
    "strict gone": ("pyproject.toml", MYPY, "[tool.mypy]\n", [(RELAXED, 2)]),
    "strict on": ("pyproject.toml", MYPY.replace("true", "false"), MYPY, []),
    "strict for switches": ("pyproject.toml", "[tool.mypy]\nwarn_return_any = true\n", MYPY, []),
    "switch off beside strict": (
        "pyproject.toml",
        MYPY,
        MYPY + "disallow_untyped_defs = false\n",
        [(RELAXED, 3)],
    ),
    "ignore_errors": ("mypy.ini", "[mypy]\nstrict = True\n", "[mypy]\nstrict = True\n[mypy-a.*]\nignore_errors = True\n", [(RELAXED, 4)]),
    "follow_imports": (".mypy.ini", "[mypy]\nfollow_imports = normal\n", "[mypy]\nfollow_imports = skip\n", [(RELAXED, 2)]),
    "pyright off": ("pyrightconfig.json", '{"typeCheckingMode": "strict"}', '{"typeCheckingMode": "off"}', [(RELAXED, 1)]),
    "pyright report off": ("pyrightconfig.json", "{}", '{"reportMissingImports": "none"}', [(RELAXED, 1)]),
    "deselect": ("pyproject.toml", PYTEST, PYTEST.replace("--strict-markers", "--strict-markers --deselect a"), [(RELAXED, 2)]),
    "only some": ("pyproject.toml", PYTEST, PYTEST.replace("--strict-markers", "--strict-markers -k 'not a'"), [(RELAXED, 2)]),
    "strict-markers gone": ("pyproject.toml", PYTEST, PYTEST.replace("--strict-markers", "-ra"), [(RELAXED, 2)]),
    "more words": ("pyproject.toml", PYTEST, PYTEST.replace("--strict-markers", "--strict-markers -vv"), []),
    "xfail_strict off": ("pyproject.toml", PYTEST, PYTEST.replace("true", "false"), [(RELAXED, 3)]),
    "warnings forgiven": ("pyproject.toml", PYTEST, PYTEST.replace('"error"', '"error", "ignore:x"'), [(RELAXED, 4)]),
    "warnings no longer forgiven": ("pyproject.toml", PYTEST.replace('"error"', '"error", "ignore:x"'), PYTEST, []),
    "errors no longer ignored": ("mypy.ini", "[mypy]\nignore_errors = True\n", "[mypy]\nignore_errors = False\n", []),
    "tests looked for everywhere": ("pytest.ini", "[pytest]\ntestpaths = a\n", "[pytest]\n", []),
    "warnings no errors": ("pyproject.toml", PYTEST, PYTEST.replace('"error"', ""), [(RELAXED, 4)]),
    "warnings are errors too": ("pyproject.toml", PYTEST, PYTEST.replace('"error"', '"error", "error::A"'), []),
    "cov-fail-under lowered": ("tox.ini", TOX, TOX.replace("90", "9"), [(THRESHOLD, 2)]),
    "cov-fail-under gone": ("tox.ini", TOX, TOX.replace(" --cov-fail-under=90", ""), [(THRESHOLD, 2)]),
    "tox command gone": ("tox.ini", TOX, TOX.replace("    ruff check\n", ""), [(RELAXED, 2)]),
    "tox command ignored": ("tox.ini", TOX, TOX.replace("ruff check", "ruff check || true"), [(RELAXED, 2)]),
    "tox command added": ("tox.ini", TOX, TOX + "    mypy\n", []),
    "tox commands under a comment": ("tox.ini", TOX, TOX.replace("    ruff", "    # why\n    ruff"), []),
    "packaging excluded": ("pyproject.toml", "", '[tool.hatch.build]\nexclude = ["a"]\n', []),
    "other files collected": ("pytest.ini", "[pytest]\n", "[pytest]\npython_files = a_*.py\n", [(RELAXED, 2)]),
    "more files collected": ("pytest.ini", "[pytest]\n", "[pytest]\npython_files = test_*.py a_*.py\n", []),
    "asserts without effect": ("tox.ini", TOX, TOX + "setenv =\n    PYTHONOPTIMIZE=1 # test\n", [(RELAXED, 5)]),
    "dependencies of tests": ("pyproject.toml", '[dependency-groups]\ntests = ["a"]\n', "[dependency-groups]\n", []),
    "flake8 ignore": (".flake8", FLAKE8, FLAKE8.replace("E501", "E501, W"), [(RELAXED, 3)]),
    "flake8 complexity": (".flake8", FLAKE8, FLAKE8.replace("10", "100"), [(THRESHOLD, 2)]),
    "flake8 complexity lowered": (".flake8", FLAKE8, FLAKE8.replace("10", "5"), []),
    "flake8 per file": (".flake8", FLAKE8, FLAKE8 + "    b.py: E2\n", [(RELAXED, 6)] * 2),
    "pylint disable": (".pylintrc", "[MAIN]\ndisable=a\n", "[MAIN]\ndisable=a,b\n", [(RELAXED, 2)]),
    "ini without a section": (".coveragerc", "fail_under = 9\n", "fail_under = 8\n", [(THRESHOLD, 1)]),
    "jest threshold": ("package.json", JEST, JEST.replace("80", "8"), [(THRESHOLD, 1)]),
    "jest threshold gone": ("package.json", JEST, '{"scripts": {"test": "jest --ci"}}', [(THRESHOLD, 1)]),
    "test script ignored": ("package.json", JEST, JEST.replace("jest --ci", "jest --ci || true"), [(RELAXED, 1)]),
    "test script emptied": ("package.json", JEST, JEST.replace("jest --ci", "exit 0"), [(RELAXED, 1)] * 3),
    "dependency bumped": ("package.json", '{"devDependencies": {"jest": "1"}}', '{"devDependencies": {"jest": "2"}}', []),
    "ts strict off": ("tsconfig.json", TSCONFIG, TSCONFIG.replace("true", "false"), [(RELAXED, 4)]),
    "ts strict gone": ("tsconfig.json", TSCONFIG, TSCONFIG.replace('    "strict": true,\n', ""), [(RELAXED, 4)]),
    "ts skipLibCheck": ("tsconfig.base.json", TSCONFIG, TSCONFIG.replace("false", "true"), [(RELAXED, 5)]),
    "ts comment": ("tsconfig.json", TSCONFIG, TSCONFIG.replace("// strict", "// very strict"), []),
    "eslint warning": (".eslintrc.json", ESLINT, ESLINT.replace('"no-eval": "error"', '"no-eval": "warn"'), [(RELAXED, 4)]),
    "eslint rule gone": (".eslintrc", ESLINT, ESLINT.replace('"no-eval": "error",', ""), [(RELAXED, 4)]),
    "eslint rule added": (".eslintrc.json", ESLINT, ESLINT.replace('"no-eval"', '"no-x": 2, "no-eval"'), []),
    "eslint rule off": (".eslintrc.json", ESLINT, ESLINT.replace('"no-eval"', '"no-x": 0, "no-eval"'), [(RELAXED, 4)]),
    "eslint extends less": (".eslintrc.json", ESLINT, ESLINT.replace(', "b"', ""), [(RELAXED, 2)]),
    "eslintignore": (".eslintignore", "a\n", "a\n# why\nb\n", [(RELAXED, 3)]),
    "golangci enables less": (".golangci.yml", GOLANGCI, GOLANGCI.replace("    - gosec\n", ""), [(RELAXED, 2)]),
    "golangci enables more": (".golangci.yml", GOLANGCI, GOLANGCI.replace("issues", "    - govet\nissues"), []),
    "golangci excludes": (".golangci.yml", GOLANGCI, GOLANGCI.replace("[a]", "[a, 'b']"), [(RELAXED, 6)]),
    "golangci only new": (".golangci.yml", GOLANGCI, GOLANGCI + "  new: true\n", [(RELAXED, 8)]),
    "codecov target": ("codecov.yml", CODECOV, CODECOV.replace("80%", "8%"), [(THRESHOLD, 5)]),
    "codecov target in braces": (
        ".codecov.yml",
        "coverage: {status: {default: {target: 80%}}}\n",
        "coverage: {status: {default: {target: 8%}}}\n",
        [(THRESHOLD, 1)],
    ),
    "codecov threshold": ("codecov.yml", CODECOV, CODECOV.replace("1%", "10%"), [(THRESHOLD, 6)]),
    "codecov informational": ("codecov.yml", CODECOV, CODECOV + "        informational: true\n", [(RELAXED, 7)]),
    "codecov ignores": ("codecov.yml", CODECOV, CODECOV + "ignore:\n- a\n", [(RELAXED, 8)]),
    "yaml comment": ("codecov.yml", CODECOV, "---\n# why\n\n" + CODECOV, []),
    "yaml scalar": ("codecov.yml", "a\n", "b\n", []),
    "yaml block": ("codecov.yml", CODECOV, CODECOV + "comment: |\n  layout\n", []),
    "pre-commit hook gone": (".pre-commit-config.yaml", PRECOMMIT, PRECOMMIT.replace("  - id: mypy\n", ""), [(RELAXED, 5)]),
    "pre-commit hook renamed": (".pre-commit-config.yaml", PRECOMMIT, PRECOMMIT.replace("id: ruff", "id: ruff-check"), []),
    "pre-commit hook added": (".pre-commit-config.yaml", PRECOMMIT, PRECOMMIT + "  - id: bandit\n", []),
    "pre-commit option": (".pre-commit-config.yaml", PRECOMMIT, PRECOMMIT.replace("--check", "--exit-zero"), [(RELAXED, 6)] * 2),
    "vitest threshold": ("vitest.config.ts", VITEST, VITEST.replace("80", "8"), [(THRESHOLD, 3)]),
    "vitest no tests": ("vitest.config.ts", VITEST, VITEST.replace("false", "true"), [(RELAXED, 2)]),
    "vitest excludes": ("vitest.config.ts", VITEST, VITEST.replace("['a']", "['a', 'b']"), [(RELAXED, 4)]),
    "sonar excludes": ("sonar-project.properties", SONAR, SONAR.replace("a.py", "a.py,b.py"), [(RELAXED, 2)]),
    "sonar comment": ("sonar-project.properties", SONAR, "# a=b\n" + SONAR, []),
    "new file before others": ("pytest.ini", None, "[pytest]\n", [(RELAXED, 1)]),
    "new strict file": ("mypy.ini", None, "[mypy]\nstrict = true\n", []),
    "toml that is none": ("pyproject.toml", COVERAGE, "[[", [(UNREADABLE, 1)]),
    "ini that is none": ("setup.cfg", "", "[a]\n= 1\n", [(UNREADABLE, 1)]),
    "json that is none": ("package.json", JEST, "{", [(UNREADABLE, 1)]),
    "json too deep": ("package.json", JEST, "[" * 60 + "]" * 60, [(UNREADABLE, 1)]),
    "json far too deep": ("package.json", JEST, "[" * 100_000, [(UNREADABLE, 1)]),
    "too long": ("pyproject.toml", COVERAGE, COVERAGE + "#" * 300_001, [(UNREADABLE, 1)]),
    "toml that is one again": ("pyproject.toml", "[[", COVERAGE, []),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_setting_that_lets_more_pass_is_found_and_its_twin_is_not(row):
    path, before, after, expected = ROWS[row]
    assert found(before, after, path) == expected


def test_settings_that_move_to_another_file_are_not_weaker():
    old = pair(".coveragerc", "[report]\nfail_under = 90\n", None)
    same = pair("pyproject.toml", "", "[tool.coverage.report]\nfail_under = 90\n")
    lower = pair("pyproject.toml", "", "[tool.coverage.report]\nfail_under = 80\n")
    assert weakened([old, same]) == ()
    assert [w.kind for w in weakened([old, lower])] == [THRESHOLD]
