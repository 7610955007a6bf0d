"""What lies between two commits, read from a real repository through its partial clone."""

import pytest

from grace.adapters.git import Ident
from grace.adapters.git.workshop import Watch, Workshop
from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.adapters.secrets import secret_scan
from grace.domain import patch_reading
from grace.domain.inspection import FileChange
from grace.domain.mission import MissionRef
from grace.domain.sshsig import sign_commit
from grace.domain.weakening import FilePair
from grace.ports import ForgeRefused, GitAccess

REF = MissionRef(host="forge.test", repository_id=7, repository="octo/mesh")
KEY, OTHER = Ed25519Key(bytes(range(32))), Ed25519Key(bytes(range(1, 33)))


@pytest.fixture
def workshop(tmp_path, upstream):
    async def access(ref):
        return GitAccess(url=upstream.url, username="x", token="y")

    watch = Watch(lambda _ref, _branch: None, secret_scan(), PublicKeys(KEY.public))
    return Workshop(tmp_path / "mirrors", access, Ident("Grace", "grace@example.org"), watch)


async def test_a_change_is_read_with_lines_texts_and_documents_at_the_base(workshop, upstream):
    base = upstream.commit({".github/mission-control.yml": "version: 1\n", "latin": b"a\n"})
    head = upstream.commit(
        {
            ".github/mission-control.yml": "version: 2\n",
            "src/b.py": "b\nc\n",
            "src/new name.py": "one\ntwo\n",
            "README.md": None,
            "x.bin": b"\0\n\n\n",
            "latin": "schön\nb\n".encode("latin-1"),
        }
    )
    wanted = (".github/mission-control.yml", "CODEOWNERS", "link", "src")
    read = await workshop.change(REF, base, head, wanted)
    assert read.files == (
        FileChange(path=".github/mission-control.yml", added=1, removed=1),
        FileChange(path="README.md", removed=1),
        FileChange(path="latin", added=2, removed=1),
        FileChange(path="src/b.py", added=1),
        FileChange(path="src/new name.py", added=2),
        FileChange(path="x.bin"),
    )
    assert read.pairs == (
        FilePair(path=".github/mission-control.yml", before="version: 1\n", after="version: 2\n"),
        FilePair(path="README.md", before="Mesh\n"),
        FilePair(path="latin", readable=False),
        FilePair(path="src/b.py", before="b\n", after="b\nc\n"),
        FilePair(path="src/new name.py", after="one\ntwo\n"),
        FilePair(path="x.bin", readable=False),
    )
    assert read.documents == {
        ".github/mission-control.yml": b"version: 1\n",
        "link": patch_reading.UNREADABLE,
        "src": patch_reading.UNREADABLE,
    }
    (commit,) = read.commits
    assert (commit.sha, commit.parents, commit.author, commit.signature) == (
        head,
        (base,),
        "ada@example.org",
        "none",
    )


async def test_lines_are_counted_whatever_the_repository_calls_binary(workshop, upstream, tmp_path):
    base = upstream.commit({".gitattributes": "*.py binary -diff\n"})
    head = upstream.commit({"src/b.py": "1\n2\n3\n"})
    await workshop.change(REF, base, base, ())
    # From 2.43 on git reads the attributes of a bare repository at its HEAD; before that, here.
    mirror = next((tmp_path / "mirrors").rglob("*.git"))
    (mirror / "info").mkdir(exist_ok=True)
    (mirror / "info" / "attributes").write_text("*.py binary -diff\n")
    read = await workshop.change(REF, base, head, ())
    assert read.files == (FileChange(path="src/b.py", added=3, removed=1),)


async def test_a_mode_alone_has_no_texts_and_a_link_is_not_read(workshop, upstream):
    base = upstream.tip("main")
    (upstream.work / "src" / "b.py").chmod(0o755)
    (upstream.work / "run.sh").unlink()
    (upstream.work / "run.sh").symlink_to("/etc/passwd")
    head = upstream.commit({})
    read = await workshop.change(REF, base, head, ())
    assert [f.path for f in read.files] == ["run.sh", "src/b.py"]
    assert read.pairs == (FilePair(path="run.sh", readable=False),)


async def test_a_name_that_is_no_utf8_is_written_out(workshop, upstream):
    base = upstream.tip("main")
    head = upstream.commit({"src/b\udcff.py": "1\n", "tab\tand\nline": "2\n"})
    read = await workshop.change(REF, base, head, ())
    assert {p.path: p.after for p in read.pairs} == {
        "src/b\\xff.py": "1\n",
        "tab\tand\nline": "2\n",
    }
    assert sum(f.added for f in read.files) == 2


async def test_what_is_too_large_is_not_read(workshop, upstream):
    base = upstream.commit({"CODEOWNERS": "* @ada\n" * 600_000})
    large = "0123456\n" * (patch_reading.MAX_FILE_BYTES // 8)
    head = upstream.commit({"large": large + "x\n", "fits": large})
    read = await workshop.change(REF, base, head, ("CODEOWNERS",))
    assert {p.path: p.readable for p in read.pairs} == {"fits": True, "large": False}
    assert {f.path: f.added for f in read.files} == {"fits": 65536, "large": 65537}
    assert read.documents == {"CODEOWNERS": patch_reading.UNREADABLE}


async def test_signatures_and_authors_are_told_apart(workshop, upstream):
    base = upstream.tip("main")
    tree, before, made = upstream.git("rev-parse", "HEAD^{tree}"), base, []
    noreply = "7+octo-cat@users.noreply.github.com"
    pgp = "-----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"

    def by_pgp(raw: bytes) -> bytes:
        header, _, message = raw.partition(b"\n\n")
        return header + f"\ngpgsig {pgp}\n\n".encode() + message

    def tampered(raw: bytes) -> bytes:
        return sign_commit(raw, KEY).replace(b"\n\nx", b"\n\ny")

    for sign in (
        lambda raw: raw,
        lambda raw: sign_commit(raw, KEY),
        lambda raw: sign_commit(raw, OTHER),
        tampered,
        by_pgp,
    ):
        raw = (
            f"tree {tree}\nparent {before}\nauthor Octo <{noreply}> 1700000000 +0000\n"
            "committer Ada <ada@example.org> 1700000000 +0000\n\nx\n"
        )
        before = upstream.git(
            "hash-object", "-t", "commit", "-w", "--stdin", stdin=sign(raw.encode())
        )
        made.append(before)
    upstream.git("push", "-q", "origin", f"{before}:refs/heads/main")
    read = await workshop.change(REF, base, before, ())
    assert [c.sha for c in read.commits] == made
    assert [c.signature for c in read.commits] == [
        "none",
        "good",
        "unknown_key",
        "bad",
        "unknown_key",
    ]
    assert {c.author for c in read.commits} == {"octo-cat"}


async def test_a_head_that_came_since_is_fetched_and_one_that_is_none_refused(workshop, upstream):
    base = upstream.tip("main")
    assert (await workshop.change(REF, base, base, ())).files == ()
    head = upstream.commit({"src/b.py": "c\n"})
    assert [f.path for f in (await workshop.change(REF, base, head, ())).files] == ["src/b.py"]
    with pytest.raises(ForgeRefused, match="no commit"):
        await workshop.change(REF, base, "1" * 40, ())


async def test_contents_come_in_one_fetch_however_many_files_there_are(
    workshop, upstream, tmp_path
):
    base = upstream.tip("main")
    head = upstream.commit({f"many/{i:03}.py": f"{i}\n" for i in range(300)})
    assert (await workshop.change(REF, base, base, ())).files == ()
    read = await workshop.change(REF, base, head, ())
    assert len(read.pairs) == 300
    mirror = next((tmp_path / "mirrors").rglob("*.git"))
    listed = upstream.git("count-objects", "-v", cwd=mirror)
    counts = dict(line.split(": ", 1) for line in listed.splitlines())
    assert int(counts["packs"]) <= 5
