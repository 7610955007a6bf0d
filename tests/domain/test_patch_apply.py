"""Patches are applied without git exactly as `git apply --cached` applies them."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grace.domain.patch_apply import TextFile, added_lines, apply_patch, is_binary
from grace.domain.patch_bounds import PatchDoesNotApply, PatchOutOfBounds, check_text
from grace.domain.patches import read_patch
from support.examples import examples

Files = dict[str, TextFile]
ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


class Git:
    """The oracle: one repository, whose index is filled anew for each patch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run("init", "-q", "--bare", "-b", "main", ".")

    def run(self, *args: str, stdin: bytes = b"", code: int | None = 0) -> bytes:
        done = subprocess.run(
            ["git", *args], cwd=self.folder, env=ENV, input=stdin, capture_output=True, check=False
        )
        assert code is None or done.returncode == code, done.stderr
        return done.stdout if done.returncode == 0 else b"\0failed"

    def fill(self, files: Files) -> str:
        rows = b""
        for path, file in files.items():
            blob = self.run("hash-object", "-w", "--stdin", stdin=file.content).strip()
            rows += b"%s %s\t%s\0" % (file.mode.encode(), blob, path.encode())
        self.run("read-tree", "--empty")
        self.run("update-index", "-z", "--index-info", stdin=rows)
        return self.run("write-tree").decode().strip()

    def diff(self, old: Files, new: Files, *options: str) -> bytes:
        trees = (self.fill(old), self.fill(new))
        return self.run("diff-tree", "-r", "-p", *options, *trees)

    def apply(self, base: Files, diff: bytes) -> Files | None:
        """Apply a patch; None where git refuses it."""
        self.fill(base)
        command = ("apply", "--cached", "-p1", "--whitespace=nowarn")
        if self.run(*command, stdin=diff, code=None) == b"\0failed":
            return None
        found: Files = {}
        for row in self.run("ls-files", "-s", "-z").split(b"\0")[:-1]:
            head, _, path = row.partition(b"\t")
            mode, blob, _ = head.decode().split(" ")
            found[path.decode()] = TextFile(mode, self.run("cat-file", "blob", blob))
        return found


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Git:
    return Git(tmp_path_factory.mktemp("oracle"))


def applied(base: Files, diff: bytes) -> Files | None:
    """Apply a patch without git; None where it is refused."""
    try:
        changed = apply_patch(read_patch(diff), base)
    except (PatchDoesNotApply, PatchOutOfBounds):
        return None
    merged = {**base, **changed}
    return {path: file for path, file in merged.items() if file is not None}


# Few different lines, so that hunks fit in more than one place.
LINES = st.lists(st.sampled_from(["a", "b", "", "c\r", "d", " e", "-f", "\\ g"]), max_size=14)
CONTENTS = st.builds(
    lambda lines, end: ("\n".join(lines) + (end if lines else "")).encode(),
    LINES,
    st.sampled_from(["\n", "\n", ""]),
)
FILES = st.dictionaries(
    st.sampled_from(["x", "src/y", "z z", "ü"]),
    st.builds(TextFile, st.sampled_from(["100644", "100644", "100755"]), CONTENTS),
    min_size=1,
)


def shifted(diff: bytes, by: int) -> bytes:
    """Move the stated lines of all hunks, as a patch for an older file has them."""
    out = []
    for line in diff.split(b"\n"):
        words = line.split(b" ")
        if line.startswith(b"@@ -"):
            for nth in (1, 2):
                start, _, rest = words[nth][1:].partition(b",")
                moved = max(0, int(start) + by)
                words[nth] = words[nth][:1] + b"%d" % moved + (b"," + rest if rest else b"")
        out.append(b" ".join(words))
    return b"\n".join(out)


@settings(max_examples=examples(70), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    files=st.tuples(FILES, FILES),
    options=st.sampled_from([("-U3",), ("-U1",), ("-U0",), ("-M20%", "-U2"), ("-M", "-C", "-C")]),
    drift=st.tuples(LINES, st.booleans(), st.integers(-3, 3)),
)
def test_git_and_this_make_the_same_of_a_patch(git, files, options, drift):
    before, after = files
    diff = git.diff(before, after, *options)
    lines, top, by = drift
    added = "".join(f"{line}\n" for line in lines).encode()
    moved = {
        path: TextFile(f.mode, added + f.content if top else f.content + added)
        for path, f in before.items()
    }
    for base, patch in ((before, diff), (moved, diff), (moved, shifted(diff, by))):
        ours, theirs = applied(base, patch), git.apply(base, patch) if patch else base
        # Git joins lines where one without newline ends up in the middle; that is refused here.
        assert ours == theirs or (ours is None and b"\n\\ No newline" in patch)


def edit(path: str, *hunks: str, head: str = "") -> bytes:
    return f"{head}--- a/{path}\n+++ b/{path}\n{''.join(hunks)}".encode()


HEAD = "diff --git a/x b/x\n"
BASE: Files = {"x": TextFile("100644", b"1\n2\n3\n4\n5\n"), "y": TextFile("100755", b"y")}
REWRITTEN = {"x": TextFile("100644", b"one\n"), "y": BASE["y"]}
BY_HAND: dict[str, tuple[bytes, Files | None]] = {
    "made without a header": (
        b"--- a/new\n+++ b/new\n@@ -0,0 +1 @@\n+n\n",
        {**BASE, "new": TextFile("100644", b"n\n")},
    ),
    "made from nowhere": (
        b"--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+n\n",
        {**BASE, "new": TextFile("100644", b"n\n")},
    ),
    "made executable": (
        edit("x", "@@ -1 +1 @@\n-1\n+one\n", head=f"{HEAD}new mode 100755\n"),
        None,
    ),
    "emptied": (
        edit("x", "@@ -1,5 +0,0 @@\n-1\n-2\n-3\n-4\n-5\n"),
        {**BASE, "x": TextFile("100644", b"")},
    ),
    "one hunk never matches what another wrote": (
        edit("x", "@@ -1,2 +1,3 @@\n 1\n+2\n 2\n", "@@ -2,2 +3,3 @@\n 2\n+2\n 3\n"),
        None,
    ),
    "hunks in the wrong order": (
        edit("x", "@@ -4,2 +4,2 @@\n 4\n-5\n+five\n", "@@ -1,2 +1,2 @@\n-1\n+one\n 2\n"),
        {**BASE, "x": TextFile("100644", b"one\n2\n3\n4\nfive\n")},
    ),
    "twice the same file": (
        edit("x", "@@ -1,2 +1,2 @@\n-1\n+one\n 2\n") + edit("x", "@@ -1,2 +1,2 @@\n-one\n+1\n 2\n"),
        BASE,
    ),
    "made and then changed": (
        b"--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+1\n" + edit("n", "@@ -1 +1 @@\n-1\n+2\n"),
        {**BASE, "n": TextFile("100644", b"2\n")},
    ),
    "no such line": (edit("x", "@@ -1 +1 @@\n-0\n+1\n"), None),
    "no such file": (edit("z", "@@ -1 +1 @@\n-0\n+1\n"), None),
    "made where one is": (b"--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+n\n", None),
    "removed in part": (b"--- a/x\n+++ /dev/null\n@@ -5 +4,0 @@\n-5\n", None),
    "copied": (
        b"diff --git a/y b/w\nsimilarity index 100%\ncopy from y\ncopy to w\n",
        {**BASE, "w": BASE["y"]},
    ),
    "renamed and changed": (
        (
            b"diff --git a/x b/w\nsimilarity index 80%\nrename from x\nrename to w\n"
            b"--- a/x\n+++ b/w\n@@ -1,2 +1,2 @@\n-1\n+one\n 2\n"
        ),
        {"w": TextFile("100644", b"one\n2\n3\n4\n5\n"), "y": BASE["y"]},
    ),
    "removed": (
        (
            b"diff --git a/y b/y\ndeleted file mode 100755\n--- a/y\n+++ /dev/null\n"
            b"@@ -1 +0,0 @@\n-y\n\\ No newline at end of file\n"
        ),
        {"x": BASE["x"]},
    ),
    "further down than it says": (
        edit("x", "@@ -2,2 +2,2 @@\n-3\n+three\n 4\n"),
        {**BASE, "x": TextFile("100644", b"1\n2\nthree\n4\n5\n")},
    ),
    "further up than it says": (
        edit("x", "@@ -4,2 +4,2 @@\n-2\n+two\n 3\n"),
        {**BASE, "x": TextFile("100644", b"1\ntwo\n3\n4\n5\n")},
    ),
    "end of the file": (
        edit("x", "@@ -2,2 +2,3 @@\n 4\n 5\n+6\n"),
        {**BASE, "x": TextFile("100644", b"1\n2\n3\n4\n5\n6\n")},
    ),
    "renamed onto another": (
        b"diff --git a/y b/x\nsimilarity index 100%\nrename from y\nrename to x\n",
        None,
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_odd_patches_do_what_they_do_with_git(git, name):
    diff, due = BY_HAND[name]
    assert applied(BASE, diff) == due
    assert git.apply(BASE, diff) == due


MOVE = "diff --git a/x b/w\nsimilarity index 100%\nrename from x\nrename to w\n"
CONTRADICTING = {
    "renamed and new": f"{MOVE}new file mode 100644\n",
    "only half a rename": f"{HEAD}rename from x\n",
    "new and removed": f"{HEAD}new file mode 100644\ndeleted file mode 100644\n",
    "new, but not from nowhere": f"{HEAD}new file mode 100644\n--- a/x\n+++ b/x\n",
    "from nowhere, but not new": f"{HEAD}--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+n\n",
    "other names than the header": f"{HEAD}--- a/y\n+++ b/y\n@@ -1 +1 @@\n-y\n+z\n",
    "two names and no rename": "--- a/x\n+++ b/w\n@@ -1 +1 @@\n-1\n+2\n",
    "changed, then renamed": f"--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-1\n+0\n 2\n{MOVE}",
    "no newline in the middle": "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-1\n+0\n\\ No newline\n 2\n",
}


@pytest.mark.parametrize("name", CONTRADICTING)
def test_patch_that_contradicts_itself_is_refused(name):
    with pytest.raises(PatchDoesNotApply):
        apply_patch(read_patch(CONTRADICTING[name].encode()), BASE)


def test_hunk_that_fails_is_shown():
    with pytest.raises(PatchDoesNotApply) as caught:
        apply_patch(read_patch(edit("x", "@@ -2,2 +2,2 @@\n-two\n+2\n 3\n")), BASE)
    assert caught.value.sentence == (
        "The patch does not apply to x: the hunk at line 2 does not match."
    )
    assert caught.value.hunk == "@@ -2,2 +2,2 @@\n-two\n+2\n 3"


def test_work_to_place_a_hunk_has_a_bound():
    many = TextFile("100644", b"a\n" * 9_000)
    hunk = "@@ -2,{n} +2,{m} @@\n{lines}-b\n+c\n a\n"
    lines = " a\n" * 2_000
    patch = edit("x", hunk.format(n=2_002, m=2_002, lines=lines))
    with pytest.raises(PatchDoesNotApply, match="does not match"):
        apply_patch(read_patch(patch), {"x": many})
    late = TextFile("100644", b"a\n" * 9_000 + b"b\na\n")
    with pytest.raises(PatchDoesNotApply, match="does not match"):
        apply_patch(read_patch(patch), {"x": late})
    near = TextFile("100644", b"a\n" * 2_400 + b"b\na\n")
    assert apply_patch(read_patch(patch), {"x": near})


@pytest.mark.parametrize(
    ("content", "binary"),
    [(b"", False), (b"a\0", True), (b"a" * 8_000 + b"\0", False), (b"a" * 7_999 + b"\0", True)],
)
def test_binary_is_what_git_takes_for_it(git, content, binary):
    assert is_binary(content) is binary
    diff = git.diff({"k": BASE["y"]}, {"k": TextFile("100755", content)})
    assert (b"Binary files" in diff) is binary


def test_lines_that_are_new_in_their_file_are_shown_where_they_are():
    old, new = b"a\nb\nc\n", b"b\nx\ny\na\nz"
    assert added_lines("src/k", old, new) == (
        b"--- a/src/k\n+++ b/src/k\n@@ -0,0 +2,2 @@\n+x\n+y\n@@ -0,0 +5,1 @@\n+z\n"
    )
    assert added_lines("k", old, b"") == b"--- a/k\n+++ b/k\n"


def test_binary_file_is_out_of_bounds():
    check_text("k", binary=False)
    with pytest.raises(PatchOutOfBounds, match="k is binary"):
        check_text("k", binary=True)


def test_of_two_places_as_near_the_one_further_down_is_taken(git):
    base = {"v": TextFile("100644", b"q\nm\nn\nq\nq\nm\nn\nq\n")}
    diff = edit("v", "@@ -4,2 +4,2 @@\n-m\n+M\n n\n")
    due = {"v": TextFile("100644", b"q\nm\nn\nq\nq\nM\nn\nq\n")}
    assert applied(base, diff) == git.apply(base, diff) == due
