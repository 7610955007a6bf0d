"""Commit statuses in place of check runs, for those who have a token and no app.

A status has no `external_id`; its link leads to the commit and carries the id behind a `#`.
"""

from dataclasses import replace
from typing import Final
from urllib.parse import quote

from grace.adapters.github.payloads import AppId, Id, Lenient, User, fit
from grace.adapters.github.session import PAGE, Session, on
from grace.domain.mission import MissionRef
from grace.ports import CheckDraft

_MAX_DESCRIPTION: Final = 140
_PAGES: Final = 10
# A status is pending, or it is not; `error` is what neither passed nor failed.
_STATES: Final = {
    None: "pending",
    "action_required": "pending",
    "success": "success",
    "failure": "failure",
    "neutral": "error",
}


class _Status(Lenient):
    id: Id
    target_url: str | None = None
    creator: User | None = None


class _Statuses(Lenient):
    items: tuple[_Status, ...]


class Statuses:
    """Publish and find checks as commit statuses."""

    def __init__(self, session: Session, web_url: str) -> None:
        self._session = session
        self._web_url = web_url.rstrip("/")

    async def publish(self, ref: MissionRef, draft: CheckDraft) -> str:
        """Make a status; the newest of a context is the one that counts."""
        request = on(ref, "create status", "POST /statuses/{sha}", sha=draft.sha)
        title = draft.title
        short = title if len(title) <= _MAX_DESCRIPTION else title[: _MAX_DESCRIPTION - 3] + "..."
        place = f"{self._web_url}/{ref.repository}/commit/{draft.sha}"
        fields = {
            "state": _STATES[draft.conclusion],
            "context": draft.name,
            "description": short,
            "target_url": place + _marker(draft.external_id),
        }
        answer = await self._session.call(ref, replace(request, body=fields))
        return str(fit(AppId, answer.data, request.purpose).id)

    async def find(self, ref: MissionRef, sha: str, external_id: str) -> str | None:
        """Find our newest status of a commit by its id."""
        call = "GET /commits/{sha}/statuses{?per_page}"
        request = on(ref, "find status", call, sha=sha, per_page=PAGE)
        login = (await self._session.identity()).bot_login.lower()
        marker = _marker(external_id)
        async for page in self._session.pages(ref, request, _PAGES):
            for status in fit(_Statuses, {"items": page}, request.purpose).items:
                ours = status.creator is not None and status.creator.login.lower() == login
                if ours and (status.target_url or "").endswith(marker):
                    return str(status.id)
        return None


def _marker(external_id: str) -> str:
    return "#" + quote(external_id, safe=":")
