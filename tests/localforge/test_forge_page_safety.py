"""What strangers write on the forge's pages stays text; forms from elsewhere do nothing."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from grace.localforge.forge import ForgeConfig, LocalForge
from grace.localforge.pages.sessions import MAX_SESSIONS, Sessions
from grace.localforge.pages.signing_in import safe_path
from grace.localforge.pages.text import Markdown, diff_lines, log_text, visible
from localforge.forge_world import REPO, World
from localforge.page_visitor import PageVisitor, visitor

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}'
BRANCH = 'x"><img-onerror=1>'


@pytest.fixture
async def page(world: World) -> AsyncIterator[PageVisitor]:
    found = visitor(world.forge)
    yield found
    await found.client.aclose()


class Inert(HTMLParser):
    """Reads a page as a browser does and refuses what could act."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {"script", "img", "iframe", "object", "svg", "style", "base"}, attrs
        for name, value in attrs:
            assert not name.startswith("on"), (tag, attrs)
            assert name != "style", (tag, attrs)
            if name in {"href", "action"}:
                assert str(value).startswith(("/", "http://127.0.0.1", "#", "data:,")), value


def assert_inert(source: str) -> None:
    Inert().feed(source)
    assert "alert(2)&gt;49" not in source


async def test_no_text_of_a_stranger_becomes_markup(world: World, page: PageVisitor) -> None:
    ann, bot = world.person("ann"), await world.bot()
    await ann.post(f"{REPO}/labels", json={"name": EVIL})
    issue = {"title": EVIL, "body": EVIL, "labels": [EVIL]}
    await ann.post(f"{REPO}/issues", json=issue)
    await ann.post(f"{REPO}/issues/1/comments", json={"body": f"{EVIL}\n\n[a](javascript:1)"})
    await ann.patch(REPO, json={"description": EVIL})
    sha = await world.commit(BRANCH, 'a"><script>.txt', f"{EVIL}\n")
    number = await world.pull(BRANCH, title=EVIL, body=EVIL)
    note = {"path": EVIL, "start_line": 1, "end_line": 1, "annotation_level": "notice"}
    note |= {"message": EVIL, "title": EVIL}
    output = {"title": EVIL, "summary": EVIL, "text": EVIL, "annotations": [note]}
    action = {"label": '"><script>', "description": EVIL, "identifier": '"><script>'}
    check = {"name": EVIL, "head_sha": sha, "conclusion": "success", "actions": [action]}
    check |= {"output": output, "details_url": "javascript:alert(1)"}
    made = (await bot.post(f"{REPO}/check-runs", json=check)).json()
    state = {"state": "error", "context": EVIL, "description": EVIL}
    await bot.post(f"{REPO}/statuses/{sha}", json=state)
    review = {"event": "COMMENT", "body": EVIL}
    await world.person("bob").post(f"{REPO}/pulls/{number}/reviews", json=review)
    await world.commit("main", ".github/workflows/ci.yml", 'push\n"><script>alert(1)')
    await world.forge.idle()
    await page.be("ann")
    pages = ["/", "", "/issues?label=%22%3E%3Cscript%3E", "/issues/1", f"/pull/{number}"]
    pages += [f"/runs/{made['id']}", "/branches", f"/tree/{BRANCH}", "/actions", "/actions/runs/1"]
    pages += [f"/commit/{sha}", "/pulls", "/pulls?state=%22%3E%3Cscript%3E"]
    for path in pages:
        assert_inert(await page.read(path if path == "/" else f"/ann/app{path}"))
    blob = f"/ann/app/blob/{sha}/a%22%3E%3Cscript%3E.txt"
    assert "&lt;script&gt;alert(1)" in await page.read(blob)
    assert_inert(await page.read("/login?return_to=%22%3E%3Cscript%3E"))
    assert_inert((await page.send("/login", 422, login=EVIL)).text)


async def test_every_answer_forbids_scripts_and_frames(world: World, page: PageVisitor) -> None:
    for path in ("/", "/ann/app", "/ann/none", "/login", "/ann/app/issues/new"):
        headers = (await page.client.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'; style-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        cookie = headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


async def test_forms_of_others_are_refused(world: World, page: PageVisitor) -> None:
    await world.person("ann").post(f"{REPO}/issues", json={"title": "t"})
    other = visitor(world.forge)
    theirs = await other.token()
    await other.client.aclose()
    await page.be("bob")
    path = "/ann/app/issues/1/comments"
    for csrf in ("", "0" * 64, theirs, "é"):
        answer = await page.client.post(path, data={"csrf": csrf, "body": "hi"})
        assert answer.status_code == 403
    mine = {"csrf": await page.token(), "body": "hi"}
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        answer = await page.client.post(path, data=mine, headers={"Origin": origin})
        assert answer.status_code == 403
    assert (await page.client.get(path)).status_code == 404
    assert (await world.person("ann").get(f"{REPO}/issues/1/comments")).json() == []
    answer = await page.client.post(path, data=mine, headers={"Origin": world.forge.url})
    assert answer.status_code == 200


async def test_signing_in_changes_the_cookie(world: World, page: PageVisitor) -> None:
    await page.read("/")
    planted = dict(page.client.cookies)
    await page.be("ann")
    assert dict(page.client.cookies) != planted
    signed_in = dict(page.client.cookies)
    await page.send("/logout")
    for cookies in (planted, signed_in):
        async with httpx.AsyncClient(
            base_url=world.forge.url, cookies=cookies, headers={"Accept": "text/html"}, verify=False
        ) as again:
            assert "Sign out" not in (await again.get("/")).text


async def test_nobody_signs_in_as_a_bot(world: World, page: PageVisitor) -> None:
    await page.send("/login", 422, login="grace[bot]")
    await page.send("/login", 422, login="nobody")


ELSEWHERE = ("//evil.example", "https://evil.example", "/\\evil.example", "evil", "", "/a\r\nX: y")


async def test_one_is_sent_nowhere_else_after_signing_in(page: PageVisitor) -> None:
    for path in ELSEWHERE:
        answer = await page.send("/login", login="ann", return_to=path)
        assert answer.history[-1].headers["location"] == "/", path
    assert safe_path("/ann/app?x=//y") == "/ann/app?x=//y"


async def test_names_of_others_are_refused(world: World) -> None:
    async with httpx.AsyncClient(base_url=world.forge.url, verify=False) as client:
        for host, status in (("rebound.example", 403), ("127.0.0.1.nip.io", 403)):
            headers = {"Host": host, "Accept": "text/html"}
            answer = await client.get("/", headers=headers)
            assert answer.status_code == status
            assert "answer on loopback alone" in answer.text
        for host in ("localhost:80", "[::1]", "127.0.0.2"):
            headers = {"Host": host, "Accept": "text/html"}
            assert (await client.get("/", headers=headers)).status_code == 200


async def test_forge_behind_a_public_name_has_no_pages(tmp_path: Path) -> None:
    forge = LocalForge(ForgeConfig(tmp_path, public_url="https://forge.example"))
    await forge.start()
    port = forge._web.addresses[0][1] if forge._web else 0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=False) as client:
        page = await client.get("/", headers={"Accept": "text/html"})
        root = await client.get("/")
    await forge.close()
    assert page.status_code == 403
    assert root.json()["current_user_url"] == "https://forge.example/api/v3/user"


def test_sessions_are_bounded() -> None:
    sessions = Sessions()
    first = sessions.sign_in(sessions.visitor(None), "ann")
    for _ in range(MAX_SESSIONS):
        last = sessions.sign_in(sessions.visitor(None), "bob")
    assert sessions.visitor(first.secret).login is None
    assert sessions.visitor(last.secret).login == "bob"
    assert sessions.visitor("short").secret != "short"


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("a <!-- b --> c", "<p>a  c</p>\n"),
        ("<!-- x\ny -->\n\nz", "<p>z</p>\n"),
        ("<details>x", "<p>&lt;details&gt;x</p>\n"),
        (
            "![pic](http://a/b.png)",
            '<p>!<a href="http://a/b.png" rel="nofollow noopener noreferrer">pic</a></p>\n',
        ),
        ("a\u202eb", "<p>a&lt;U+202E&gt;b</p>\n"),
        (
            "see #4, a#4",
            '<p>see <a href="/o/r/issues/4" rel="nofollow noopener noreferrer">#4</a>, a#4</p>\n',
        ),
        ("not #\u200b4, @\u200bann", "<p>not #\u200b4, @\u200bann</p>\n"),
        (
            "|a|\n|-:|\n",
            '<table>\n<thead>\n<tr>\n<th class="text-align-right">a</th>\n</tr>\n</thead>\n</table>\n',
        ),
        ("[#4](/x)", '<p><a href="/x" rel="nofollow noopener noreferrer">#4</a></p>\n'),
        (
            "http://a/?b=1&c.",
            '<p><a href="http://a/?b=1&amp;c" rel="nofollow noopener noreferrer">http://a/?b=1&amp;c</a>.</p>\n',
        ),
    ],
)
def test_markdown_is_rendered_without_markup_of_its_own(text: str, rendered: str) -> None:
    assert str(Markdown()(text, "/o/r")) == rendered


def test_hidden_characters_and_colours_are_seen_for_what_they_are() -> None:
    assert visible("a\u200bb\x1b") == "a<U+200B>b<U+001B>"
    assert log_text("\x1b[31mred\x1b[0m") == "red"


def test_diff_lines_are_numbered() -> None:
    patch = "@@ -3,2 +3,2 @@ def f\n same\n-old\n+new\n\\ No newline at end of file"
    found = [(line.kind, line.old, line.new) for line in diff_lines(patch)]
    assert found == [
        ("hunk", None, None),
        ("same", 3, 3),
        ("removed", 4, None),
        ("added", None, 4),
        ("note", None, None),
    ]
    assert diff_lines("@@ -1 +1 @@\n" + "+x\n" * 5000)[-1].text.startswith("The rest")
