"""Hunter's own rules over pairs of files, and over what nobody would write."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grace.ci.findings import Level
from grace.ci.rules import RULES, NotPython, Unread, hits
from grace.ci.rules.places import Budget, TooMuch
from support.examples import examples
from support.labelled import own_cases, related

CASES = own_cases()
# What no rule of ours sees: who may see whose record, and plain MD5, which bandit tells of.
MISSED = {
    "anybody may see another's record",
    "a hash of something that is no password",
}
LINES = sorted({line for case in CASES for line in case.text.splitlines() if line.strip()})


def rules_of(text: str) -> list[str]:
    return [hit.rule for hit in hits(text.encode())]


def found(case):
    return any(related(case.cwe, RULES[rule].cwe) for rule in rules_of(case.text))


@pytest.mark.parametrize("case", [c for c in CASES if c.bad], ids=lambda c: c.name)
def test_a_bad_file_is_found(case):
    assert found(case) is (case.name not in MISSED)


@pytest.mark.parametrize("case", [c for c in CASES if not c.bad], ids=lambda c: c.name)
def test_its_good_twin_is_not(case):
    assert rules_of(case.text) == []


def test_every_rule_is_met_by_a_bad_file():
    met = {rule for case in CASES if case.bad for rule in rules_of(case.text)}
    assert set(RULES) - met == set()


def test_rules_say_what_they_are():
    for rule in RULES.values():
        assert re.fullmatch(r"GR\d{3}", rule.id)
        assert rule.help.endswith(".")
        assert 0 < rule.score <= 10
    levels = {rule.id: rule.level for rule in RULES.values()}
    assert (levels["GR001"], levels["GR041"], levels["GR009"]) == tuple(reversed(Level))


VIEW = "from flask import Flask, request\nimport os, re\napp = Flask(__name__)\n@app.get('/')\ndef v():\n    x = request.args['x']\n"


def view(*lines: str) -> list[str]:
    """Return what is found in a view that holds the client's `x` and goes on so."""
    return rules_of(VIEW + "".join(f"    {line}\n" for line in lines) + "    return {}\n")


@pytest.mark.parametrize(
    "lines",
    [
        ("if x not in ('a', 'b'):", "    return 'no'", "os.system(x)"),
        ("if x == 'a':", "    os.system(x)"),
        ("if not x.isalnum():", "    raise ValueError", "os.system(x)"),
        ("if not re.fullmatch('[a-z]+', x):", "    return 'no'", "os.system(x)"),
        ("found = re.match('[a-z]+$', x)", "os.system(found.group())"),
        ("if re.match('[a-z]+$', x) is None:", "    return 'no'", "os.system(x)"),
        ("x = re.sub('[^a-z]', '', x)", "os.system(x)"),
        ("x = 'a' if x == 'a' else 'b'", "os.system(x)"),
        ("try:", "    n = int(x)", "except ValueError:", "    n = 0", "os.system(f'echo {n}')"),
        ("if not is_valid_name(x):", "    return 'no'", "os.system(x)"),
        ("assert x in KNOWN", "os.system(x)"),
        ("if len(x) > 9 or x not in ('a', 'b'):", "    return 'no'", "os.system(x)"),
        ("if len(x) < 9 and x in ('a', 'b'):", "    os.system(x)"),
        ("app.logger.info(f'{x!r}')",),
        ("app.redirect('/user/' + x)",),
        ("while x not in ('a', 'b'):", "    x = 'a'", "os.system(x)"),
        ("os.system('ls'); x = x.strip()",),
        ("x = 'safe'", "os.system(x)"),
        ("def inner(x: int):", "    os.system(f'echo {x}')", "inner(x)"),
        ("table = {'a': 'ls'}", "os.system(table.get('a'))"),
    ],
    ids=" ; ".join,
)
def test_what_is_checked_or_made_harmless_is_not_told(lines):
    assert view(*lines) == []


@pytest.mark.parametrize(
    "lines",
    [
        ("if x not in ('a', 'b'):", "    pass", "os.system(x)"),
        ("if x != 'a':", "    os.system(x)"),
        ("if len(x) > 9 and x not in ('a', 'b'):", "    return 'no'", "os.system(x)"),
        ("y = 'ls'", "for _ in (1, 2):", "    os.system(y)", "    y = x"),
        ("y = 'ls'", "while y:", "    os.system(y)", "    y = x"),
        ("if x.isalnum():", "    pass", "os.system(x)"),
        ("if x in ('a', 'b') or request.args:", "    os.system(x)"),
        ("y = x.strip().lower()", "os.system('echo ' + y)"),
        ("a, b = x.split(',')", "os.system('echo %s' % b)"),
        ("for part in x.split():", "    os.system(part)"),
        ("y = ''", "for part in x:", "    y += part", "os.system(y)"),
        ("os.system(' '.join([p for p in x.split()]))",),
        ("os.system('echo {}'.format(x))",),
        ("with open('log') as f:", "    os.system(x)"),
        ("try:", "    pass", "finally:", "    os.system(x)"),
        ("try:", "    int(x)", "except ValueError:", "    os.system(x)"),
        ("def inner():", "    os.system(x)", "inner()"),
        ("def inner(y):", "    return 'ls ' + y", "os.system(inner(x))"),
        ("match x:", "    case y:", "        os.system(x)"),
        ("if (y := x):", "    os.system(y)"),
        ("run = os.system", "run(x)"),
        ("data = {'c': x}", "os.system(data['c'])"),
        ("found = [x]", "os.system(found[0])"),
        ("y = x if x else 'ls'", "os.system(y)"),
        ("y = x or 'ls'", "os.system(y)"),
        ("os.system(request.form.get('y', 'ls'))",),
        ("f = lambda: os.system(x)",),
        ("x = re.sub('a', 'b', x)", "os.system(x)"),
        ("import os as system_of", "system_of.system(x)"),
        ("from os import system as s", "s(x)"),
    ],
    ids=" ; ".join,
)
def test_what_a_stranger_says_is_followed_to_the_shell(lines):
    known = [rule for rule in view(*lines) if rule != "GR012"]
    if lines[0].startswith("def inner(y)"):
        assert known == []  # a function inside of a function is read once, not where it is called
        return
    assert known == ["GR001"]


def test_a_function_of_the_file_is_read_with_what_it_is_given():
    helper = "import os\ndef run(command, quiet):\n    os.system(command + quiet)\n"
    call = "    run('ls', x)\n    return {}\n"
    (hit,) = hits((helper + VIEW + call).encode())
    assert (hit.rule, hit.line) == ("GR001", 3)
    assert hit.said == "request.args (line 9) reaches os.system"
    assert rules_of(helper + VIEW + call.replace("x)", "'-l')")) == []


def test_a_parameter_that_is_a_number_takes_the_harm_out():
    text = "import os\ndef run(count{}):\n    os.system(f'echo {{count}}')\nrun(input())\n"
    assert rules_of(text.format("")) == ["GR001"]
    assert rules_of(text.format(": int")) == []


@pytest.mark.parametrize(
    ("begin", "told"),
    [("'/user/'", []), ("'/'", ["GR006"]), ("'//'", ["GR006"]), ("'https://a.b/'", [])],
)
def test_a_redirect_is_told_unless_its_beginning_keeps_it_on_a_site(begin, told):
    assert view(f"app.redirect({begin} + x)") == told


def test_lines_of_the_log_are_told_unless_quoted():
    assert view("app.logger.info(f'{x}')") == ["GR009"]


def test_what_a_client_library_sends_is_not_what_a_server_got():
    text = "import os\ndef send(request):\n    os.system(request.url)\n"
    assert rules_of(text) == []
    assert rules_of(f"import django\n{text}") == ["GR001"]


def test_of_two_sources_on_a_line_the_stranger_counts():
    text = "from flask import request\nimport sys\neval(sys.argv[1]); eval(request.data)\n"
    assert [hit.local for hit in hits(text.encode())] == [False]


def test_what_a_method_keeps_in_self_is_what_another_finds_there():
    text = """import os
from django.views import View
class V(View):
    def post(self, request):
        os.system(self.word)
        self.help()
    def help(self):
        self.echo(self.word)
    def echo(self, said):
        os.popen(said)
    def get(self, request):
        self.word = {}
"""
    known = [hit.line for hit in hits(text.format("request.GET['w']").encode())]
    assert known == [5, 10]
    assert rules_of(text.format("'ls'")) == []


def test_functions_that_call_one_another_come_to_an_end():
    text = (
        "def f(x):\n    return g(x)\ndef g(x):\n    return f(x) + h(x)\ndef h(x):\n    eval(f(x))\n"
    )
    assert rules_of(f"{text}h(input())\n") == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("os.system('ls ' + sys.argv[1])", True),
        ("subprocess.run(sys.argv[1], shell=True)", True),
        ("subprocess.run(sys.argv[1:], shell=False)", False),
        ("subprocess.run([sys.argv[1]])", False),
        ("importlib.import_module(sys.argv[1])", False),
        ("open(sys.argv[1])", False),
        ("exec(sys.argv[1])", True),
    ],
)
def test_who_runs_a_program_may_choose_what_it_runs_but_not_write_for_a_shell(line, told):
    found = hits(f"import importlib, os, subprocess, sys\n{line}\n".encode())
    assert [hit.local for hit in found] == [True] * told


def test_a_name_that_only_looks_like_the_request_is_none():
    assert rules_of("import urllib.request as request\nimport os\nos.system(request.url)\n") == []


def test_the_same_line_tells_a_rule_once():
    assert rules_of("import os\nfor x in input().split():\n    os.system(x); os.system(x)\n") == [
        "GR001"
    ]


def test_copies_of_many_variables_cost_many_steps():
    budget = Budget(left=1000)
    budget.spend(7000)
    with pytest.raises(TooMuch):
        budget.spend(7000)


def test_what_is_no_python_says_so():
    with pytest.raises(NotPython, match="it is not Python"):
        hits(b"def (:\n")


@pytest.mark.parametrize(
    "text",
    [
        "x = " + " + ".join(["a"] * 5000),
        "x = a" + ".b()" * 2000,
        "#" * 2_000_001,
    ],
    ids=["a long sum", "a long chain", "too large"],
)
def test_what_nobody_would_write_is_unread_and_never_clean(text):
    with pytest.raises(Unread):
        hits(text.encode())


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(LINES)), max_size=12))
def test_no_code_makes_a_rule_fail(parts):
    text = "".join(f"{'    ' * depth}{line.strip()}\n" for depth, line in parts)
    try:
        found = hits(text.encode())
    except NotPython:
        return
    assert all(hit.rule in RULES and 1 <= hit.line <= len(parts) for hit in found)
