"""The ledger: its logs, their entries as they were signed, and the keys that verify them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field

from grace.domain.access import OWN_LOG
from grace.domain.base import Frozen
from grace.domain.ledger import Entry, parse_line
from grace.domain.narration import Tone, sentence, tone
from grace.domain.topics import Pattern
from grace.ports.hub import FeedFilter
from grace.web.api.calling import wants_lines
from grace.web.api.missions import MISSION
from grace.web.api.operation import ANYBODY, Answer, Call, Nothing, Operation, Reply, not_there
from grace.web.api.paging import Limit, Number, Numbered, logs_seen
from grace.web.api.reading import Named, PageOfMission, row_of

LEDGER = "/mission-control/ledger"
Host = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9._:-]{0,253}$", description="host of the forge"),
]
RepositoryId = Annotated[str, Field(pattern=r"^[0-9]{1,20}$", description="its number there")]


class EntrySeen(Frozen):
    """One entry. `line` is the stored record, byte for byte: what is verified is there.

    `position`: its place in the one order of all logs. `kind` and what follows are read from it,
    for readers in a hurry.
    """

    position: int | None = None
    log: str
    seq: int
    time: str
    mission: str | None
    kind: str
    actor: str
    hash: str
    sentence: str
    tone: Tone
    redacted: bool
    line: str

    @classmethod
    def of(cls, entry: Entry, line: bytes, position: int | None = None) -> Self:
        """Read an entry out of its line."""
        envelope = entry.envelope
        return cls(
            position=position,
            log=envelope.log,
            seq=envelope.seq,
            time=envelope.time,
            mission=envelope.mission,
            kind=envelope.kind,
            actor=envelope.actor,
            hash=entry.hash,
            sentence=sentence(envelope.kind, envelope.actor, entry.payload, envelope.mission),
            tone=tone(envelope.kind, entry.payload),
            redacted=entry.payload is None,
            line=line.decode(),
        )


class EntryList(Frozen):
    """Some entries. `next`: the number to go on behind."""

    entries: tuple[EntrySeen, ...]
    next: int | None


class LogSeen(Frozen):
    """One log: how many entries it has, and the hash, time and key of the newest."""

    log: str
    repository: str | None
    count: int
    hash: str
    time: AwareDatetime | None
    key_id: str
    href: str


class LogList(Frozen):
    """The logs that exist for whoever is asking."""

    logs: tuple[LogSeen, ...]


class PublicKey(Frozen):
    """A public key of the ledger: 32 raw bytes in base64."""

    key_id: str
    algorithm: Literal["ed25519"] = "ed25519"
    public_key: str


class KeyList(Frozen):
    """The keys that verify the ledger."""

    keys: tuple[PublicKey, ...]


class PageOfLog(Numbered):
    """Which repository's log, and which page of it."""

    host: Host
    repository_id: RepositoryId


class Activity(Frozen):
    """Which entries, from the newest back."""

    pattern: Annotated[
        tuple[Pattern, ...],
        Field(max_length=20, description="kinds that are wanted", examples=[["mission.*"]]),
    ] = ("*",)
    mission: Annotated[Named | None, Field(description="of this mission alone")] = None
    after: Annotated[Number | None, Field(description="`next` of the answer before")] = None
    limit: Limit = 50


async def mission_entries(call: Call[PageOfMission, None]) -> Answer:
    """List the entries of one mission, the oldest first."""
    row = await row_of(call)
    found = await call.hub.store.mission_entries(row.log, row.mission_id)
    behind = [e for e in found if e.envelope.seq > call.given.after]
    entries, more = behind[: call.given.limit], len(behind) > call.given.limit
    if wants_lines(call.request):
        following = entries[-1].envelope.seq if more else None
        return Answer(lines=_joined([e.line for e in entries]), following=following)
    return _page([EntrySeen.of(e, e.line) for e in entries], more=more)


async def log_entries(call: Call[PageOfLog, None]) -> Answer:
    """List the entries of a repository's log."""
    return await _entries(call, f"{call.given.host}/{call.given.repository_id}")


async def own_entries(call: Call[Numbered, None]) -> Answer:
    """List the entries of the bot's own log."""
    return await _entries(call, OWN_LOG)


async def _entries(call: Call[Any, None], log: str) -> Answer:
    store, given = call.hub.store, call.given
    if not call.reach.sees(log) or log not in await store.logs():
        raise not_there("log")
    lines = await store.lines(log, given.after, given.limit + 1)
    more, lines = len(lines) > given.limit, lines[: given.limit]
    if wants_lines(call.request):
        return Answer(lines=_joined(lines), following=given.after + len(lines) if more else None)
    return _page([EntrySeen.of(parse_line(line), line) for line in lines], more=more)


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _page(entries: list[EntrySeen], *, more: bool) -> Answer:
    following = entries[-1].seq if more else None
    return Answer(EntryList(entries=tuple(entries), next=following), following=following)


async def list_logs(call: Call[Nothing, None]) -> Answer:
    """List the logs."""
    store, found = call.hub.store, []
    names = {ref.log: ref.repository for ref in call.hub.refs.values()}
    for log in await store.logs():
        head = await store.head(log) if call.reach.sees(log) else None
        if head is None:
            continue
        (newest,) = await store.lines(log, head.seq - 1, 1)
        found.append(
            LogSeen(
                log=log,
                repository=names.get(log),
                count=head.seq,
                hash=head.hash,
                time=None if head.time is None else datetime.fromisoformat(head.time),
                key_id=parse_line(newest).envelope.key,
                href=f"{LEDGER}/{log}/entries",
            )
        )
    return Answer(LogList(logs=tuple(found)))


async def list_keys(call: Call[Nothing, None]) -> Answer:
    """List the public keys of the ledger."""
    keys = call.hub.about.keys.items()
    return Answer(KeyList(keys=tuple(PublicKey(key_id=k, public_key=v) for k, v in keys)))


async def list_activity(call: Call[Activity, None]) -> Answer:
    """List what happened, the newest first."""
    given, store = call.given, call.hub.store
    wanted = FeedFilter(
        logs=await logs_seen(call.reach, store), patterns=given.pattern, mission=given.mission
    )
    found = await store.feed_back(wanted, before=given.after, limit=given.limit)
    entries = tuple(EntrySeen.of(parse_line(e.line), e.line, e.position) for e in found)
    following = found[-1].position if len(found) == given.limit else None
    return Answer(EntryList(entries=entries, next=following), following=following)


_LINES = Reply(None, "the stored records, one a line, as `Accept` asks for it", lines=True)
OPERATIONS = (
    Operation(
        "GET",
        f"{MISSION}/entries",
        "mission_entries",
        "List the ledger entries of a mission",
        "missions",
        mission_entries,
        (Reply(EntryList, "the oldest first"), _LINES),
        given=PageOfMission,
        problems=(404,),
    ),
    Operation(
        "GET",
        "/mission-control/activity",
        "list_activity",
        "List what happened, the newest first",
        "ledger",
        list_activity,
        (Reply(EntryList, "entries of the logs that you see"),),
        given=Activity,
    ),
    Operation(
        "GET",
        LEDGER,
        "list_logs",
        "List the logs of the ledger",
        "ledger",
        list_logs,
        (Reply(LogList, "with what the newest entry is"),),
    ),
    Operation(
        "GET",
        f"{LEDGER}/bot/entries",
        "own_entries",
        "List the entries of the bot's own log",
        "ledger",
        own_entries,
        (Reply(EntryList, "in the order of their numbers"), _LINES),
        given=Numbered,
        problems=(404,),
    ),
    Operation(
        "GET",
        f"{LEDGER}/{{host}}/{{repository_id}}/entries",
        "log_entries",
        "List the entries of a repository's log",
        "ledger",
        log_entries,
        (Reply(EntryList, "in the order of their numbers"), _LINES),
        given=PageOfLog,
        problems=(404,),
        examples={"host": "github.com", "repository_id": "4711"},
    ),
    Operation(
        "GET",
        "/mission-control/keys",
        "list_keys",
        "List the public keys that verify the ledger",
        "ledger",
        list_keys,
        (Reply(KeyList, "anybody may know them"),),
        need=ANYBODY,
    ),
)
