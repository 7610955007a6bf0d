"""End in a migration that makes a slow statement cheaper, where a database's own plans say so."""

import re
from datetime import UTC, datetime
from pathlib import Path

from grace.domain.playbooks.action import ActionSpec, Scalar, TargetKind
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.query_postgresql import advise_postgresql
from grace.runner.actions.query_sqlite import advise_sqlite
from grace.runner.actions.query_statements import Advice
from grace.runner.actions.service_identity import identify_target, kind_of
from grace.runner.actions.service_patch import keep_patch, kept_patch, patch_of
from grace.runner.actions.service_target import nothing_to_undo, setting, setting_flag, spec_of

_SAID = 400


class IndexAdvice:
    """Looking finds the advice and changes nothing; acting writes it as a migration."""

    spec: ActionSpec = spec_of("query.index")

    def identify(self, situation: Situation) -> None:
        identify_target(situation)

    def look(self, situation: Situation) -> Found:
        kept = kept_patch(situation)
        if kept is not None:
            return kept
        advice = _advice(situation)
        if advice is None:
            return Found(holds=True, sentence="no index would make the statements much cheaper")
        return Found(holds=False, sentence=f"would propose {_words(advice)}")

    def act(self, situation: Situation) -> Found:
        kept = kept_patch(situation)
        if kept is not None:
            return kept
        advice = _advice(situation)
        if advice is None:
            raise ActionFailed("no index would make the statements much cheaper any more")
        path = _path(situation, advice)
        values: dict[str, Scalar] = {
            "table": advice.table,
            "columns": ", ".join(advice.columns),
            "gain": round(advice.gain, 1),
        }
        diff = patch_of(path, [], _migration(situation, advice), new=True)
        found = Found(holds=True, sentence=f"proposes {_words(advice)}", values=values, diff=diff)
        return keep_patch(situation, found)

    def verify(self, situation: Situation) -> Found:
        kept = kept_patch(situation)
        return kept or Found(holds=False, sentence="no migration was written")

    def undo(self, situation: Situation) -> Found:
        return nothing_to_undo(situation)


def _advice(situation: Situation) -> Advice | None:
    match kind_of(situation):
        case TargetKind.SQLITE:
            return advise_sqlite(situation)
        case TargetKind.POSTGRESQL:
            return advise_postgresql(situation)
        case kind:
            raise ActionFailed(f"a target of kind {kind} has no plans")


def _words(advice: Advice) -> str:
    columns = ", ".join(advice.columns)
    return (
        f"an index of {advice.table} on {columns}: a statement costs {advice.gain:.0f} times less "
        f"({advice.before:.0f} to {advice.after:.0f}, {advice.measure})"
    )


def _migration(situation: Situation, advice: Advice) -> list[str]:
    online = setting_flag(situation, "migration_concurrently")
    how = " CONCURRENTLY" if online and kind_of(situation) is TargetKind.POSTGRESQL else ""
    table = ".".join(_quoted(part) for part in advice.table.split("."))
    columns = ", ".join(_quoted(column) for column in advice.columns)
    statement = " ".join(advice.statement.split())[:_SAID]
    return [
        f"-- Index for: {statement}\n",
        f"-- {advice.before:.0f} to {advice.after:.0f} ({advice.measure}).\n",
        f"CREATE INDEX{how} IF NOT EXISTS {advice.index} ON {table} ({columns});\n",
    ]


def _quoted(name: str) -> str:
    """Quote a name where it must be."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


def _path(situation: Situation, advice: Advice) -> str:
    """Name the file by the target's `migration_name`: `{time}`, `{number}` and `{name}`."""
    folder = setting(situation, "migrations_folder").strip("/")
    pattern = setting(situation, "migration_name", "{time}_{name}.sql")
    filled = pattern.replace("{name}", advice.index)
    filled = filled.replace("{time}", datetime.now(UTC).strftime("%Y%m%d%H%M%S"))
    if "{number}" in filled:
        filled = filled.replace("{number}", _next_number(situation, folder))
    return f"{folder}/{filled}"


def _next_number(situation: Situation, folder: str) -> str:
    """Count on from the highest number in the checkout's folder, at the same width."""
    place = Path(setting(situation, "checkout")) / folder
    if not place.is_dir():
        raise ActionFailed("the checkout has no folder of that name for migrations")
    found = [m[1] for each in place.iterdir() if (m := re.match(r"(\d+)", each.name)) is not None]
    highest = max(found, key=int, default="0000")
    return str(int(highest) + 1).zfill(len(highest))
