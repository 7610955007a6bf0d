"""What lies between two commits is the same by GitHub's API as by git."""

from dataclasses import replace
from typing import Any

import pytest

from grace.adapters.github.comparing import authors
from grace.adapters.github.session import on
from grace.adapters.github.workshop import ApiWorkshop
from grace.domain import patch_reading
from grace.domain.people import Actor
from grace.ports import ForgeRefused
from support.api_world import ORDER, SCAN, World
from support.patches import new_file

DOCUMENTS = (".github/mission-control.yml", "CODEOWNERS", "link", "src")
RULES = ".github/mission-control.yml"


async def test_a_change_is_what_git_reads(world: World) -> None:
    base = world.commit({RULES: "version: 1\n", "old.py": "1\n2\n3\n4\n", "one": "1\n2"})
    (world.work / "old.py").rename(world.work / "new.py")
    (world.work / "run.sh").chmod(0o644)
    (world.work / "src" / "b.py").unlink()
    (world.work / "src" / "b.py").symlink_to("app.py")
    head = world.commit(
        {
            RULES: "version: 2\n",
            "README.md": None,
            "latin.txt": "schöner\ny\n".encode("latin-1"),
            "x.bin": b"\0\n\n",
            "one": "1\n2\n",
        }
    )
    by_git = await world.by_git.change(world.ref, base, head, DOCUMENTS)
    world.made()
    by_api = await world.api.change(world.ref, base, head, DOCUMENTS)
    assert by_api == by_git
    # Trees and comparison; two sides of four files, one of three; one document.
    assert world.made() == ["read tree"] * 2 + ["compare"] + ["read blob"] * 11
    paths = {f.path: (f.added, f.removed) for f in by_api.files}
    assert (paths["new.py"], paths["old.py"], paths["run.sh"]) == ((4, 0), (0, 4), (0, 0))
    assert by_api.documents == {RULES: b"version: 1\n", "link": b"\0", "src": b"\0"}


async def test_large_files_are_not_read_but_where_lines_would_be_missed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "0123456789abcdef" * 64 + "\n"
    large = line * (patch_reading.MAX_FILE_BYTES // 1025 + 2)
    base = world.commit({"large.txt": large})
    (world.work / "large.txt").rename(world.work / "moved.txt")
    head = world.commit({"image": b"\0" * (patch_reading.MAX_FILE_BYTES + 1)})
    by_git = await world.by_git.change(world.ref, base, head, ())
    world.made()
    by_api = await world.api.change(world.ref, base, head, ())
    assert by_api == by_git
    assert {p.path: p.readable for p in by_api.pairs} == dict.fromkeys(
        ("image", "large.txt", "moved.txt"), False
    )
    assert world.made() == ["read tree"] * 2 + ["compare"] + ["read blob"] * 2
    assert {f.path: f.added for f in by_api.files}["moved.txt"] == large.count("\n")


async def test_a_base_that_the_head_does_not_contain_hides_no_line(world: World) -> None:
    root = world.tip()
    base = world.commit({"README.md": "Mesh\nmore\n", "src/b.py": "b\n1\n2\n3\n"})
    world.git("reset", "-q", "--hard", root, cwd=world.work)
    head = world.commit({"src/b.py": "c\n"}, "side")
    by_git = await world.by_git.change(world.ref, base, head, ())
    by_api = await world.api.change(world.ref, base, head, ())
    assert [(f.path, f.added, f.removed) for f in by_git.files] == [
        ("README.md", 0, 1),
        ("src/b.py", 1, 4),
    ]
    assert [(f.path, f.added, f.removed) for f in by_api.files] == [
        ("README.md", 1, 2),
        ("src/b.py", 1, 4),
    ]
    assert by_api.pairs == by_git.pairs
    assert [c.sha for c in by_api.commits] == [head]


async def test_commits_come_in_pages_and_too_many_files_are_refused(world: World) -> None:
    base = world.tip()
    parent, made = base, []
    for number in range(103):
        tree = world.tree(base)
        message = f"{number}"
        parent = world.git("commit-tree", tree, "-p", parent, "-m", message)
        made.append(parent)
    read = await world.api.change(world.ref, base, parent, ())
    assert [c.sha for c in read.commits] == made
    assert world.made() == ["read tree", "read tree", "compare", "compare"]
    head = world.commit({f"many/{i}.txt": "" for i in range(301)})
    with pytest.raises(ForgeRefused, match="more than 300 files"):
        await world.api.change(world.ref, base, head, ())


def commit(sha: str, payloads: Any, **more: Any) -> dict[str, Any]:
    ada = {"name": "Ada", "email": "ada@example.org", "date": "2026-03-01T11:59:00Z"}
    said = more.pop("said", {"verified": False, "reason": "unsigned"})
    return {
        "sha": sha * 40,
        "commit": {"author": ada, "committer": ada, "message": "x", "verification": said},
        "author": payloads.user(),
        "committer": payloads.user(),
        "parents": [{"sha": "0" * 40}],
        **more,
    }


def compared(commits: list[dict[str, Any]], total: int | None = None) -> dict[str, Any]:
    return {
        "merge_base_commit": {"sha": "0" * 40},
        "total_commits": len(commits) if total is None else total,
        "commits": commits,
        "files": [],
    }


async def test_authors_are_all_who_wrote_or_made_a_commit(github: Any, payloads: Any) -> None:
    web_flow = payloads.user("web-flow", id=19864447)
    listed = [
        commit("a", payloads),
        commit("b", payloads, author=payloads.user("rex", id=13), committer=web_flow),
        commit("c", payloads, author=payloads.bot(), committer={}),
        commit("d", payloads, author=None),
    ]
    route = github.repo("GET", "/compare/release/1...grace/x").respond(json=compared(listed))
    people, unknown = await github.forge.authors(github.ref, "release/1", "grace/x")
    assert people == (
        Actor(login="ada", id=11),
        Actor(login="rex", id=13),
        Actor(login="grace[bot]", id=12),
    )
    assert unknown == 2
    assert dict(route.calls[0].request.url.params) == {"per_page": "100", "page": "1"}


async def test_commits_that_were_not_read_have_authors_whom_nobody_knows(
    github: Any, payloads: Any
) -> None:
    page = [commit("a", payloads)] * 100
    route = github.repo("GET", "/compare/main...head").respond(json=compared(page, 1000))
    people, unknown = await github.forge.authors(github.ref, "main", "head")
    assert (people, unknown) == ((Actor(login="ada", id=11),), 700)
    assert [c.request.url.params["page"] for c in route.calls] == ["1", "2", "3"]


async def test_a_page_without_commits_ends_the_listing(github: Any, payloads: Any) -> None:
    route = github.repo("GET", "/compare/main...head").respond(json=compared([], 5))
    assert await github.forge.authors(github.ref, "main", "head") == ((), 5)
    assert len(route.calls) == 1


async def test_the_local_forge_knows_who_commits_under_its_addresses(world: World) -> None:
    base = world.tip()
    pushed = await world.api.push_patch(world.ref, world.patch(new_file("new.py")), ORDER)
    world.commit({"README.md": "x\n"}, "stranger")
    people, unknown = await authors(world.session, world.ref, base, pushed.head)
    assert ([p.login for p in people], unknown) == (["grace[bot]"], 0)
    assert await authors(world.session, world.ref, base, "stranger") == ((), 1)
    call = "PUT /contents/{+path}"
    fields = {"message": "x", "content": "", "branch": "main"}
    request = replace(on(world.ref, "write commit", call, path="made"), body=fields)
    await world.session.call(world.ref, request)
    people, unknown = await authors(world.session, world.ref, base, "main")
    assert ([p.login for p in people], unknown) == (["grace[bot]"], 0)


@pytest.mark.parametrize(
    ("said", "proof"),
    [
        ({"verified": True, "reason": "valid"}, "good"),
        ({"verified": False, "reason": "unsigned"}, "none"),
        ({"verified": False, "reason": "unknown_key"}, "unknown_key"),
        ({"verified": False, "reason": "invalid"}, "bad"),
    ],
)
async def test_a_signature_is_what_github_says_of_it(
    github: Any, payloads: Any, said: Any, proof: str
) -> None:
    listed = [commit("a", payloads, said=said), commit("b", payloads, author=None)]
    listed[1]["commit"]["author"]["email"] = "7+octo@users.noreply.github.com"
    tree = {"sha": "1" * 40, "tree": [], "truncated": False}
    github.repo("GET", f"/git/trees/{'a' * 40}").respond(json=tree)
    github.repo("GET", f"/git/trees/{'b' * 40}").respond(json=tree)
    path = f"/compare/{'a' * 40}...{'b' * 40}"
    github.repo("GET", path).respond(json=compared(listed))
    api = ApiWorkshop(github.forge.session, SCAN)
    read = await api.change(github.ref, "a" * 40, "b" * 40, ())
    assert [c.signature for c in read.commits] == [proof, "none"]
    assert [c.author for c in read.commits] == ["ada", "octo"]
