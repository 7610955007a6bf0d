"""The words of notifications: plain text in which a stranger's words mention and mark up nothing.

The services that show them read some markup in any text: Slack `<!channel>`, chats `@here`,
Markdown links and emphasis. Each sign that means something in one of them becomes one that looks
like it and means nothing.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from grace.domain import narration
from grace.domain.narration import Tone
from grace.domain.notifying.news import Draft, News, Notice, Pile
from grace.domain.render import one_line, unlinked

TITLE_LENGTH: Final = 300
MOST_APART: Final = 5  # subjects that get a message each; more are told in one
MOST_LINES: Final = 20
_WORST_LAST: Final = (Tone.PLAIN, Tone.GOOD, Tone.WAIT, Tone.BAD)
_ALIKE: Final = str.maketrans(
    {
        "<": "\u2039",
        ">": "\u203a",
        "[": "(",
        "]": ")",
        "`": "'",
        "*": "\u2217",
        "~": "\u223c",
        "|": "\u00a6",
        "\\": "\u2216",
    }
)
_EDGE: Final = re.compile(r"(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])")
_CALL: Final = re.compile(r"@(?=\S)|&(?=#?\w+;)")


def plain(text: str, limit: int) -> str:
    """Make a stranger's text one line that no service takes for markup, mention or link."""
    line = one_line(text, limit).translate(_ALIKE)
    line = _EDGE.sub(lambda found: "\uff3f" * len(found[0]), line)
    return unlinked(_CALL.sub("\\g<0>\u200b", line))


def subject_of(news: News) -> str:
    """Name what an entry is about: its mission, or its log and kind."""
    return news.mission or f"{news.log} {news.kind}"


def tone_of(news: News) -> Tone:
    """Say how bad an entry is."""
    return narration.tone(news.kind, news.payload)


def title_of(news: News) -> str:
    """Say in one line what happened to what."""
    where = ", ".join(part for part in (news.subsystem, news.severity) if part)
    what = news.mission or news.repository or news.log
    about = f"{what} ({where})" if where else what
    said = narration.sentence(news.kind, news.actor, news.payload, news.mission)
    return plain(f"{about}: {said}", TITLE_LENGTH)


def detail_of(news: News) -> str:
    """Say what is known besides: the mission's title, and who did it."""
    lines = [plain(news.title, 200)] if news.title else []
    if news.actor != "grace":
        lines.append(f"by {plain(news.actor, 100)}")
    return "\n".join(lines)


def link_of(news: News, page_url: str | None, web_url: str) -> str:
    """Make the address where more is to be read; empty: there is none."""
    if page_url is not None:
        page = page_url.rstrip("/")
        return f"{page}/missions/{quote(news.mission, safe='')}" if news.mission else f"{page}/"
    if news.repository is None or news.issue is None:
        return ""
    return f"{web_url.rstrip('/')}/{quote(news.repository)}/issues/{news.issue}"


def drafts(pile: Pile, *, apart: bool) -> list[Draft]:
    """Write what waits as few messages: `apart` one for each subject if these are few, else one."""
    if not apart or pile.subjects > MOST_APART or pile.count > len(pile.newest):
        return [_digest(pile)]
    by_subject: dict[str, list[Notice]] = {}
    for notice in pile.newest:
        by_subject.setdefault(notice.subject, []).append(notice)
    return [_together(said) for said in by_subject.values()]


def _together(said: Sequence[Notice]) -> Draft:
    """Write what is said of one subject, newest first: its news in full, and what was before."""
    newest = said[0]
    parts = [newest.detail]
    if len(said) > 1:
        before = [f"- {notice.title}" for notice in said[1 : MOST_LINES + 1]]
        parts.append("\n".join(["before that:", *before, *_rest(len(said) - 1 - len(before))]))
    parts.append(newest.link)
    body = "\n".join(part for part in parts if part)
    return Draft(newest.title, body or newest.title, _tone(said))


def _digest(pile: Pile) -> Draft:
    """Write a pile as a list that names each subject once, the newest first."""
    told: dict[str, Notice] = {}
    for notice in pile.newest:
        told.setdefault(notice.subject, notice)
    counts = Counter(notice.subject for notice in pile.newest)
    lines = []
    for subject, notice in list(told.items())[:MOST_LINES]:
        more = f" (and {counts[subject] - 1} before it)" if counts[subject] > 1 else ""
        lines.append(f"- {notice.title}{more}{f' {notice.link}' if notice.link else ''}")
    title = f"{pile.route}: {_of(pile.count, 'event')} about {_of(pile.subjects, 'subject')}"
    body = "\n".join([*lines, *_rest(pile.subjects - len(lines))])
    return Draft(title, body, _tone(pile.newest))


def _of(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _rest(number: int) -> list[str]:
    return [f"and {number} more"] if number > 0 else []


def _tone(said: Sequence[Notice]) -> Tone:
    return max((notice.tone for notice in said), key=_WORST_LAST.index)
