"""Comments, labels and issues at GitHub: where Grace speaks. One REST call a method."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final, Literal

from grace.adapters.github.payloads import AppId, Issue, fit
from grace.adapters.github.reading import Reading
from grace.adapters.github.session import Session, on
from grace.adapters.github.wire import Answer, Refusal, Request
from grace.domain.mission import MissionRef
from grace.ports import Change, Reaction

_MISSING: Final = frozenset({int(HTTPStatus.NOT_FOUND)})


class Voice:
    """The part of the port `Forge` that is about issues and what is said on them."""

    def __init__(self, session: Session, reading: Reading) -> None:
        self._session = session
        self._reading = reading

    async def react(self, ref: MissionRef, comment: str, reaction: Reaction) -> None:
        """React to a comment; GitHub keeps one of a kind from each of us."""
        call = "POST /issues/comments/{comment}/reactions"
        await self._write(ref, on(ref, "react", call, comment=comment), {"content": reaction})

    async def post_comment(self, ref: MissionRef, number: int, body: str) -> str:
        request = on(ref, "post comment", "POST /issues/{number}/comments", number=number)
        answer = await self._write(ref, request, {"body": body})
        return str(fit(AppId, answer.data, request.purpose).id)

    async def edit_comment(self, ref: MissionRef, comment: str, body: str) -> None:
        request = on(ref, "edit comment", "PATCH /issues/comments/{comment}", comment=comment)
        await self._write(ref, request, {"body": body})

    async def find_comment(self, ref: MissionRef, number: int, marker: str) -> str | None:
        """Find our own comment with the marker: a call for each hundred comments."""
        return await self._reading.comment(ref, number, marker)

    async def set_labels(
        self, ref: MissionRef, number: int, add: Sequence[str], remove: Sequence[str]
    ) -> None:
        """Add labels in one call; remove each in one. One that is not there counts as removed."""
        if add:
            request = on(ref, "add labels", "POST /issues/{number}/labels", number=number)
            await self._write(ref, request, {"labels": list(add)})
        for name in remove:
            call = "DELETE /issues/{number}/labels/{name}"
            request = on(ref, "remove label", call, number=number, name=name)
            try:
                await self._session.call(ref, request, _MISSING)
            except Refusal:
                continue

    async def file_issue(
        self, ref: MissionRef, title: str, body: str, labels: Sequence[str]
    ) -> Change:
        """Open an issue; its `head_sha` is empty."""
        request = on(ref, "file issue", "POST /issues")
        fields = {"title": title, "body": body, "labels": list(labels)}
        answer = await self._write(ref, request, fields)
        return _filed(fit(Issue, answer.data, request.purpose))

    async def find_issue(self, ref: MissionRef, label: str, marker: str) -> Change | None:
        """Find our own issue with the marker among the newest 500 with the label."""
        found = await self._reading.issue(ref, label, marker)
        return _filed(found) if found else None

    async def close_issue(
        self, ref: MissionRef, number: int, reason: Literal["completed", "not_planned"]
    ) -> None:
        request = on(ref, "close issue", "PATCH /issues/{number}", number=number)
        await self._write(ref, request, {"state": "closed", "state_reason": reason})

    async def _write(
        self,
        ref: MissionRef,
        request: Request,
        fields: Mapping[str, object],
        expected: frozenset[int] = frozenset(),
    ) -> Answer:
        return await self._session.call(ref, replace(request, body=fields), expected)


def _filed(issue: Issue) -> Change:
    return Change(number=issue.number, url=issue.html_url, head_sha="")
