"""A browser without a screen: cookies, forms with their tokens, pages as text."""

import html
import re
from dataclasses import dataclass

import httpx

from grace.localforge.forge import LocalForge

TOKEN = re.compile(r'name="csrf" value="([0-9a-f]+)"')


@dataclass
class PageVisitor:
    client: httpx.AsyncClient

    async def read(self, path: str, status: int = 200) -> str:
        """Return a page as its source; redirects are followed."""
        answer = await self.client.get(path)
        assert answer.status_code == status, f"{answer.status_code} {path}: {answer.text}"
        return answer.text

    async def words(self, path: str) -> str:
        """Return a page as a reader sees it, roughly."""
        text = re.sub(r"<[^>]*>", " ", await self.read(path))
        return re.sub(r"\s+", " ", html.unescape(text))

    async def token(self, path: str = "/login") -> str:
        found = TOKEN.search(await self.read(path))
        assert found is not None, path
        return found[1]

    async def send(self, path: str, status: int = 200, **fields: object) -> httpx.Response:
        """Post a form with its token, as its page would, and follow where it leads."""
        data = {"csrf": await self.token(), **fields}
        answer = await self.client.post(path, data=data)
        assert answer.status_code == status, f"{answer.status_code} {path}: {answer.text}"
        return answer

    async def be(self, login: str) -> "PageVisitor":
        await self.send("/login", login=login)
        return self


def visitor(forge: LocalForge) -> PageVisitor:
    headers = {"Accept": "text/html,*/*;q=0.8"}
    client = httpx.AsyncClient(
        base_url=forge.url, headers=headers, follow_redirects=True, timeout=20, verify=False
    )
    return PageVisitor(client)
