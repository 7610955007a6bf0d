"""Patches of a small repository: ordinary ones in every form, and those that are to be refused.

The repository has README.md, src/app.py (twenty numbered lines), src/b.py ("b"), run.sh
(executable), x.bin (binary) and link, a symbolic link to README.md.
"""

LINES = "".join(f"line {n}\n" for n in range(1, 21))
FIX = b"""\
diff --git a/src/app.py b/src/app.py
--- a/src/app.py
+++ b/src/app.py
@@ -4,3 +4,4 @@ line 3
 line 4
-line 5
+line five
+line five and a half
 line 6
"""


def new_file(path: str, mode: str = "100644", text: str = "x") -> bytes:
    return (
        f"diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n"
        f"@@ -0,0 +1 @@\n+{text}\n"
    ).encode()


def edit(path: str, old: str, new: str, extra: str = "") -> bytes:
    return (
        f"diff --git a/{path} b/{path}\n{extra}--- a/{path}\n+++ b/{path}\n"
        f"@@ -1 +1 @@\n-{old}\n+{new}\n"
    ).encode()


# Diff and the paths that it changes.
FORMS = [
    (FIX.replace(b"diff --git a/src/app.py b/src/app.py\n", b""), ("src/app.py",)),
    (FIX.rstrip(b"\n"), ("src/app.py",)),
    (b"Some words first.\n\n" + FIX + b"-- \n2.39.5\n", ("src/app.py",)),
    (new_file("docs/a b.md"), ("docs/a b.md",)),
    (
        (
            b'diff --git "a/\\303\\274.md" "b/\\303\\274.md"\nnew file mode 100644\n'
            b'--- /dev/null\n+++ "b/\\303\\274.md"\n@@ -0,0 +1 @@\n+x\n'
        ),
        ("ü.md",),
    ),
    (
        (
            b"diff --git a/src/b.py b/lib/b.py\nsimilarity index 100%\n"
            b"rename from src/b.py\nrename to lib/b.py\n"
        ),
        ("lib/b.py", "src/b.py"),
    ),
    (b"diff --git a/src/b.py b/src/b.py\nold mode 100644\nnew mode 100755\n", ("src/b.py",)),
    (
        (
            b"diff --git a/src/b.py b/src/b.py\ndeleted file mode 100644\n"
            b"--- a/src/b.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-b\n"
        ),
        ("src/b.py",),
    ),
    (new_file("a.txt") + edit("src/b.py", "b", "-- c"), ("a.txt", "src/b.py")),
]

SYMLINK = new_file("evil", "120000", "/etc/passwd")
BINARY = (
    b"diff --git a/y.bin b/y.bin\nnew file mode 100644\nindex 0000000..1234567\n"
    b"GIT binary patch\nliteral 2\nJcmZQz00IC2\n\nliteral 0\nHcmV?d00001\n\n"
)
MALICIOUS = {
    "workflow": (new_file(".github/workflows/x.yml"), "steers CI or git itself"),
    "workflow in capitals": (new_file(".GitHub/Workflows/x.yml"), "steers CI or git itself"),
    "action": (new_file(".github/actions/x/action.yml"), "steers CI or git itself"),
    "gitlab ci": (new_file(".gitlab-ci.yml"), "steers CI or git itself"),
    "attributes": (new_file("src/.gitattributes"), "steers CI or git itself"),
    "submodules file": (new_file(".gitmodules"), "steers CI or git itself"),
    "git folder": (new_file(".git/hooks/pre-commit"), "git's own folder"),
    "git folder, case": (new_file("a/.GIT/config"), "git's own folder"),
    "git folder, ntfs": (new_file("git~1/config"), "git's own folder"),
    "git folder, dot": (new_file(".git. /config"), "git's own folder"),
    "git folder, stream": (new_file(".git::$INDEX_ALLOCATION/config"), "git's own folder"),
    "git folder, zero width": (new_file(".g\u200cit/config"), "cannot be seen"),
    "parent": (new_file("../outside"), "leaves the repository"),
    "parent inside": (new_file("src/../../outside"), "leaves the repository"),
    "absolute": (new_file("/etc/cron.d/x"), "is absolute"),
    "drive": (new_file("C:/x"), "is absolute"),
    "dot": (new_file("./x"), "plain form"),
    "backslash": (new_file("a\\b"), "holds a backslash"),
    "tab": (
        (
            b'diff --git "a/a\\tb" "b/a\\tb"\nnew file mode 100644\n--- /dev/null\n'
            b'+++ "b/a\\tb"\n@@ -0,0 +1 @@\n+x\n'
        ),
        "cannot be seen",
    ),
    "right to left": (new_file("a\u202egnp.py"), "cannot be seen"),
    "not utf-8": (new_file("n").replace(b"b/n", b"b/\xff"), "not valid UTF-8"),
    "bad quotes": (new_file("n").replace(b"+++ b/n", b'+++ "b/\\q"'), "in a way that git does not"),
    "symlink": (SYMLINK, "is a symbolic link"),
    "symlink edited": (
        (
            b"--- a/link\n+++ b/link\n@@ -1 +1 @@\n-README.md\n\\ No newline at end of file\n"
            b"+/etc/passwd\n\\ No newline at end of file\n"
        ),
        "is a symbolic link",
    ),
    "symlink by mode": (
        b"diff --git a/src/b.py b/src/b.py\nold mode 100644\nnew mode 120000\n",
        "is a symbolic link",
    ),
    "symlink removed": (
        (
            b"diff --git a/link b/link\ndeleted file mode 120000\n--- a/link\n+++ /dev/null\n"
            b"@@ -1 +0,0 @@\n-README.md\n\\ No newline at end of file\n"
        ),
        "is a symbolic link",
    ),
    "submodule": (new_file("sub", "160000", f"Subproject commit {'1' * 40}"), "is a submodule"),
    "setuid": (new_file("x", "104755"), "has the mode 104755"),
    "binary": (BINARY, "as binary data"),
    "binary marker": (b"Binary files a/x.bin and b/x.bin differ\n", "as binary data"),
    "nul": (new_file("x", text="a\0b"), "holds binary data"),
    "rename in": (
        (
            b"diff --git a/src/b.py b/.github/workflows/b.yml\nsimilarity index 100%\n"
            b"rename from src/b.py\nrename to .github/workflows/b.yml\n"
        ),
        "steers CI",
    ),
    "copy in": (
        (
            b"diff --git a/src/b.py b/.gitlab-ci.yml\nsimilarity index 100%\n"
            b"copy from src/b.py\ncopy to .gitlab-ci.yml\n"
        ),
        "steers CI",
    ),
    "second file": (FIX + new_file(".github/workflows/x.yml"), "steers CI"),
    "no prefix": (
        new_file("x").replace(b"a/x b/x", b"x x").replace(b"b/x", b"x"),
        "prefix a/ or b/",
    ),
    "empty": (b"", "no change to any file"),
    "words": (b"Please apply this.\n", "no change to any file"),
    "headless": (b"diff --git a/x b/y\n", "file name cannot be read"),
    "nothing": (edit("src/b.py", "b", "b"), "changes nothing"),
}
