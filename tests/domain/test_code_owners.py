import time

import pytest

from grace.domain.code_owners import MAX_BYTES, CodeOwners

# What GitHub's page "About code owners" shows, line by line.
DOCUMENTED = b"""\
# This is a comment.
# Each line is a file pattern followed by one or more owners.

*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
"""


def owners(text: bytes | str, path: str) -> tuple[str, ...]:
    owned = CodeOwners(text if isinstance(text, bytes) else text.encode()).owned([path])
    return owned[0].owners if owned else ()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("README.md", ("@global-owner1", "@global-owner2")),
        ("src/deep/x.js", ("@js-owner",)),
        ("x.go", ("docs@example.com",)),
        ("a/b.txt", ("@octo-org/octocats",)),
        ("build/logs/x", ("@octocat",)),
        ("docs/x.md", ("@doctocat",)),
        ("sub/apps/x", ("@octocat",)),
        ("apps/x", ("@octocat",)),
        ("apps/github/x", ()),
        ("apps/github", ()),
        ("scripts/x.js", ("@doctocat", "@octocat")),
        ("a/b/logs/x", ("@octocat",)),
        ("logs", ("@octocat",)),
    ],
)
def test_the_documented_file_is_read_as_documented(path, expected):
    assert owners(DOCUMENTED, path) == expected


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("docs/*", ["docs/a.md"], ["docs/a/b.md", "x/docs/a.md"]),
        ("/docs/", ["docs/a", "docs/a/b"], ["docs", "x/docs/a"]),
        ("docs/", ["x/docs/a", "docs/a"], ["docs", "xdocs/a"]),
        ("/docs", ["docs", "docs/a"], ["docs2", "x/docs"]),
        ("*", ["a", "a/b"], []),
        ("**", ["a", "a/b"], []),
        ("/*", ["a"], ["a/b"]),
        ("/**/b", ["b", "a/b", "x/y/b/c"], ["ab"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b/z"], ["x/a/b", "a/xb"]),
        ("a/**/b/**/c", ["a/b/c", "a/b/b/x/c"], ["a/c", "a/b"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "ab"]),
        ("a/**/", ["a/b/c"], ["a/b", "a"]),
        ("*.py", ["x.py", "a/b.py", "d.py/x"], ["x.pyc"]),
        ("a*b*c", ["abc", "axbxbxc", "z/abbc"], ["abcd", "a/bc", "acb"]),
        ("a?c", ["abc", "x/axc"], ["ac", "a/c"]),
        ("x**y", ["xy", "xzy"], ["x/y"]),
        ("src/*/t", ["src/a/t", "src/a/t/u"], ["src/t", "src/a/b/t"]),
        (r"with\ blank/", ["with blank/a"], ["with"]),
        (r"star\*", ["star*"], ["stars"]),
        ("Makefile", ["Makefile", "x/Makefile"], ["makefile"]),
        ("a.b(c)+", ["a.b(c)+"], ["aXb(c)+"]),
        ("/", [], ["a", "a/b"]),
    ],
)
def test_a_pattern_matches_what_it_names(pattern, yes, no):
    text = f"{pattern} @ada"
    assert [p for p in yes if not owners(text, p)] == []
    assert [p for p in no if owners(text, p)] == []


@pytest.mark.parametrize(
    "line",
    ["[a] @rex", "a] @rex", "!a @rex", r"\#a @rex", "a rex", "a @", "a @rex nobody", "# a @rex"],
)
def test_a_line_that_github_skips_changes_nothing(line):
    assert owners(f"a @ada\n{line}\n", "a") == ("@ada",)


def test_who_is_named_in_a_comment_owns_nothing():
    assert owners("a @ada # and @rex\n", "a") == ("@ada",)
    assert owners("a\t@ada\t@rex @ada\r\n", "a") == ("@ada", "@rex")
    assert owners("\ufeffa @ada", "a") == ("@ada",)
    assert owners("a # @rex\n", "a") == ()


def test_paths_are_grouped_by_their_owners_and_unowned_ones_left_out():
    found = CodeOwners(b"*.py @ada @rex\n*.js @ada\n").owned(["a.py", "b.js", "c.md", "d.py"])
    assert [(o.owners, o.paths) for o in found] == [
        (("@ada", "@rex"), ("a.py", "d.py")),
        (("@ada",), ("b.js",)),
    ]


@pytest.mark.parametrize("text", [b"\0", b"* @ada \xff", b"*" * (MAX_BYTES + 1)])
def test_by_a_file_that_cannot_be_read_nobody_owns_everything(text):
    (found,) = CodeOwners(text).owned(["a", "b"])
    assert (found.owners, found.paths) == ((), ("a", "b"))
    assert CodeOwners(text).owned([]) == ()


def test_no_pattern_takes_long_whatever_it_says():
    evil = ["/" + "**/a*" * 60 + "b", "*a" * 120 + "b", "a*/" * 60 + "b", "**/" * 60 + "b"]
    file = CodeOwners("\n".join(f"{pattern} @ada" for pattern in evil).encode())
    begun = time.process_time()
    assert file.owned(["/".join(["a" * 60] * 60), "a" * 4000, "a/" * 2000]) == ()
    assert time.process_time() - begun < 1


def test_500_patterns_over_1000_paths_take_a_part_of_a_second():
    lines = [f"*.x{i} @a\n/a{i}/**/b*c @b\nname{i}/ @c\n/src/m{i}/*.py @d" for i in range(125)]
    file = CodeOwners("\n".join(lines).encode())
    paths = [f"src/pkg{i % 50}/sub{i % 7}/module_{i}/file_{i}.py" for i in range(1000)]
    begun = time.process_time()
    assert file.owned(paths) == ()
    assert time.process_time() - begun < 2
