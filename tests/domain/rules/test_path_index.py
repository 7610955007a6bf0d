"""Many globs on many paths at once say what each glob says of each path alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.domain.patch_bounds import compiled
from grace.domain.rules.paths import PathIndex, few
from support.cases import ready
from support.examples import examples

PIECE = st.sampled_from(["a", "b", "A", "ab", ".py", "é", "ß", "\n", "."])
PATH = st.lists(st.lists(PIECE, min_size=1, max_size=3).map("".join), min_size=1, max_size=4).map(
    "/".join
)
PART = st.one_of(PIECE, st.sampled_from(["*", "?", "**", "*.py", "/", "**/", "***"]))
GLOB = st.one_of(st.lists(PART, min_size=1, max_size=6).map("".join), PATH)
quick = settings(deadline=None, max_examples=examples(300), database=None)


def alone(glob, paths):
    found = compiled(glob.casefold())
    return tuple(p for p in paths if found.fullmatch(p.casefold()))


def agrees(paths, globs):
    index = PathIndex(paths)
    for glob in globs:
        assert index.matching([glob]) == alone(glob, paths)
    some = {p for glob in globs for p in alone(glob, paths)}
    assert set(index.matching(globs)) == some
    assert index.all_match(globs) == (some == set(paths))


@quick
@given(st.lists(PATH, unique=True, max_size=8), st.lists(GLOB, min_size=1, max_size=4))
def test_an_index_says_what_each_glob_says(paths, globs):
    agrees(paths, globs)


@pytest.mark.stress
@settings(quick, max_examples=5000)
@given(st.lists(PATH, unique=True, max_size=8), st.lists(GLOB, min_size=1, max_size=4))
def test_an_index_says_very_often_what_each_glob_says(paths, globs):
    agrees(paths, globs)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        *(("**/secrets/**", p) for p in ("secrets/k", "a/secrets/k", "a/b/SECRETS/c/k")),
        *(("**/Makefile", p) for p in ("Makefile", "a/makefile")),
        *(("src/", p) for p in ("src/a", "src/a/b", "SRC/A")),
        *(("/src/*.py", p) for p in ("src/a.py",)),
        *(("*", p) for p in ("a", "a b")),
        *(("**", p) for p in ("a", "a/b", "a\nb/c")),
        *(("a\nb/*", p) for p in ("a\nb/c", "A\nB/c")),
    ],
)
def test_a_glob_finds_its_path(glob, path):
    others = ("x", "y/z", "z\nz")
    assert PathIndex((*others, path)).matching([glob])[-1] == path
    assert path not in PathIndex((*others, path)).matching(["q/**"])


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("src/", "src"),
        ("src/", "lib/src/a"),
        ("src/*.py", "src/a/b.py"),
        ("?", "a/b"),
        ("a", "ab"),
        ("a", "a\n"),
        ("a/**/b", "ab"),
    ],
)
def test_a_glob_leaves_other_paths_alone(glob, path):
    assert PathIndex((path,)).matching([glob]) == ()


def test_a_change_of_nothing_is_not_said_to_be_of_some_paths_only():
    rule = {"when": {"not": {"only_paths": ["docs/"]}}, "memory_scope": {"at_most": "read_only"}}
    assert not ready().touching().rule(**rule).tree().passes
    assert not ready().rule(**rule).tree().passes
    assert ready().touching("docs/a").rule(**rule).tree().passes


def test_a_few_paths_are_named_and_the_others_counted():
    assert few(("a", "b", "c")) == "a, b, c"
    assert few(("a", "b", "c", "d", "e")) == "a, b, c and 2 more"


def naive(glob, path, *, fresh=True):
    """Say by trying everything whether a glob means a path; `fresh`: at the start of a name."""
    if not glob:
        return not path
    if fresh and glob.startswith("**/"):
        rest = [path[i + 1 :] for i, c in enumerate(path) if c == "/"]
        return any(naive(glob[3:], each) for each in (path, *rest))
    if glob.startswith("**"):
        tails = (path[i:] for i in range(len(path) + 1))
        return any(naive(glob[2:], tail, fresh=False) for tail in tails)
    if glob[0] == "*":
        end = path.find("/") if "/" in path else len(path)
        return any(naive(glob[1:], path[i:], fresh=False) for i in range(end + 1))
    if not path or (glob[0] == "?" and path[0] == "/") or glob[0] not in {"?", path[0]}:
        return False
    return naive(glob[1:], path[1:], fresh=glob[0] == "/")


SHORT = st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=4).map("/".join)
STARRY = st.lists(
    st.sampled_from(["a", "b", "*", "?", "/", "**/", "/**/", "a*", "*b"]), min_size=1, max_size=6
).map("".join)


@settings(quick, max_examples=examples(400))
@given(STARRY, SHORT)
def test_a_glob_means_what_trying_everything_says(glob, path):
    plain = glob.lstrip("/")
    plain += "**" if plain.endswith("/") else ""
    assert (compiled(plain).fullmatch(path) is not None) == naive(plain, path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("**/a/" * 60 + "*b", "a/" * 500 + "a"),
        ("**a" * 90 + "b", "a/" * 500),
        ("a**/" * 70 + "b", "a/" * 500),
        ("**/*a*/" * 40 + "b", "aa/" * 300),
        ("*a" * 140 + "b", "a" * 1000),
        ("?*" * 140 + "b", "a" * 1000),
    ],
)
def test_no_glob_takes_for_ever(glob, path):
    assert compiled(glob).fullmatch(path) is None
