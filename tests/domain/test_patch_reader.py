"""The reader of patches sees the files that git itself sees, whatever their names."""

import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grace.domain.patch_bounds import PatchDoesNotApply, PatchOutOfBounds, matches, well_formed
from grace.domain.patches import hunk_text, read_patch
from grace.domain.quoting import split_quoted

ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}


def quote(name: bytes) -> bytes:
    inner = "".join(
        f"\\{ESCAPES[b]}" if b in ESCAPES else chr(b) if 0x20 <= b < 0x7F else f"\\{b:03o}"
        for b in name
    )
    return f'"{inner}"'.encode()


@given(st.binary(max_size=40), st.binary(max_size=10))
def test_quoting_is_undone_exactly(name, rest):
    assert split_quoted(quote(name) + rest) == (name, rest)


NAMES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=12
).filter(lambda name: name != "/dev/null" and "//" not in name and not name.startswith("/"))


def git_sees(diff: bytes, folder) -> list[str]:
    done = subprocess.run(
        ["git", "apply", "--numstat", "-z"],
        input=diff,
        capture_output=True,
        check=True,
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_DIR": "/nonexistent"},
    )
    return [line.split(b"\t", 2)[2].decode() for line in done.stdout.split(b"\0")[:-1]]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    names=st.lists(NAMES, min_size=1, max_size=4),
    body=st.sampled_from(["x", "-- a/y", "++ b/z", ""]),
)
def test_the_reader_and_git_see_the_same_files(names, body, tmp_path):
    diff = b"".join(
        b"diff --git %s %s\nnew file mode 100644\n--- /dev/null\n+++ %s\n@@ -0,0 +1 @@\n+%s\n"
        % (quote(b"a/" + n), quote(b"b/" + n), quote(b"b/" + n), body.encode())
        for n in (name.encode() for name in names)
    )
    assert [file.name for file in read_patch(diff)] == git_sees(diff, tmp_path)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(diff):
    try:
        files = read_patch(b"diff --git a/x b/x\n" + diff)
    except (PatchOutOfBounds, PatchDoesNotApply):
        return
    assert files[0].header == "x"


HEADERS = st.sampled_from(
    [
        "diff --git a/x b/x",
        "--- a/x",
        "+++ b/x",
        "@@ -1 +1 @@",
        "@@ -1,2 +1,3 @@",
        "-x",
        "+x",
        " x",
        "",
        "rename from x",
        "\\ No newline at end of file",
        "index 1234567..89abcde 120000",
    ]
)


@given(st.lists(HEADERS, max_size=12))
def test_any_order_of_lines_is_read_or_refused(lines):
    try:
        files = read_patch("\n".join(lines).encode())
    except (PatchOutOfBounds, PatchDoesNotApply):
        return
    assert all(file.paths or file.header for file in files)


def test_lines_of_a_hunk_are_never_taken_for_a_header():
    diff = (
        b"--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a/.git/config\n+++ b/.git/config\n"
        b"-@@ -1 +1 @@\n+@@ -1 +1 @@\n"
    )
    (file,) = read_patch(diff)
    assert set(file.paths) == {"x"}
    assert [(h.added, h.deleted) for h in file.hunks] == [(2, 2)]


@pytest.mark.parametrize(
    ("path", "glob", "expected"),
    [
        ("a/b/c.py", "a/**", True),
        ("a/b/c.py", "a/", True),
        ("a", "a/**", False),
        ("a/b/c.py", "a/*", False),
        ("a/b.py", "a/*", True),
        ("c.py", "**/c.py", True),
        ("a/b/c.py", "**/c.py", True),
        ("xc.py", "**/c.py", False),
        ("a/b/c.py", "a/**/c.py", True),
        ("a/c.py", "a/**/c.py", True),
        ("a/c.pyx", "a/?.py", False),
        ("axb", "a.b", False),
        ("a[1]", "a[1]", True),
        ("x/y", "**", True),
        ("a/b", "/a/b", True),
    ],
)
def test_globs_match_as_people_expect(path, glob, expected):
    assert matches(path, [glob]) is expected


@pytest.mark.parametrize(
    "path", ["a", "a/b.py", "..a/b..", ".github/CODEOWNERS", "gitx/.gitignore", "ü/é"]
)
def test_ordinary_paths_are_well_formed(path):
    assert well_formed(path) is None


def test_a_path_without_end_is_refused():
    assert "longer than" in (well_formed("a/" * 600 + "b") or "")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('"a/\\303\\274" "b/\\303\\274"', "ü"),
        ('"a/\\303\\274" b/x', None),
        ('a/x "b/\\303\\274"', None),
        ('"a/\\q" "b/\\q"', None),
        ("a/x b/y", None),
        ("a/x y b/x y", "x y"),
    ],
)
def test_header_of_a_file_names_it_where_both_sides_agree(header, name):
    diff = f"diff --git {header}\nrename from {name or 'x'}\n".encode()
    (file,) = read_patch(diff)
    assert file.header == name


def test_change_of_nothing_into_nothing_is_refused():
    with pytest.raises(PatchOutOfBounds, match="without a file name"):
        read_patch(b"--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+x\n")


def test_hunk_is_found_by_its_file_and_line():
    first = b"@@ -1 +1 @@\n-a\n+b"
    second = b"@@ -9 +9 @@\n-c\n+d"
    diff = b"--- a/x\n+++ b/x\n%s\n%s\n--- a/y\n+++ b/y\n%s\n" % (first, second, first)
    files = read_patch(diff)
    assert hunk_text(files, "x", 9) == second.decode()
    assert hunk_text(files, "y", 1) == first.decode()
    assert hunk_text(files, "y", 9) == ""


@pytest.mark.parametrize(
    "hunk",
    ["@@ -1,3 +1,3 @@\n a\n-b\n?\n+c", "@@ -1,3 +1,3 @@\n a\n-b", "@@ -1 +1 @@\n-a\n-b\n+c"],
    ids=["no line of a hunk", "end of the patch", "too many"],
)
def test_hunk_without_the_lines_it_announces_is_shown(hunk):
    with pytest.raises(PatchDoesNotApply, match="lines it announces") as caught:
        read_patch(f"--- a/x\n+++ b/x\n{hunk}\n".encode())
    assert caught.value.hunk.startswith(hunk.partition("\n")[0])
