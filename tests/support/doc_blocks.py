"""The blocks of the documentation that the code itself writes."""

import re
from pathlib import Path

from pydantic_core import PydanticUndefined

from grace.adapters.alerts import SEVERITIES
from grace.adapters.github.pace import Limits
from grace.adapters.github.wire import Request, cost_of
from grace.app.observe import Measures
from grace.app.settings import Settings
from grace.domain import replies
from grace.domain.effect_rules import EFFECT_RULES
from grace.domain.effects import EFFECT_TYPES
from grace.domain.lifecycle.commands import COMMANDS
from grace.domain.lifecycle.table import HEARD
from grace.domain.phase import STAGES, TRANSITIONS, Phase, Severity
from grace.setup.app_manifest import EVENTS, PERMISSIONS
from support import labelled
from support.api_blocks import API_BLOCKS
from support.playbook_blocks import PLAYBOOK_BLOCKS
from support.policy_blocks import POLICY_BLOCKS

BUDGET = Path(__file__).parents[2] / "docs" / "api-budget.md"
_STEP = re.compile(r"^\|[^|]*\| `([A-Z]+) (/[^`]+)` \| (yes)? ?\|$", re.MULTILINE)


def phases() -> str:
    """Draw `TRANSITIONS`; a phase that begins or ends a mission hangs on `[*]`."""
    targets = {to for following in TRANSITIONS.values() for to in following}
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    [*] --> {phase}" for phase in Phase if phase not in targets]
    for phase in Phase:
        lines += [f"    {phase} --> {to}" for to in Phase if to in TRANSITIONS[phase]]
        if not TRANSITIONS[phase]:
            lines.append(f"    {phase} --> [*]")
    return "\n".join([*lines, "```"])


def table(*rows: tuple[str, ...]) -> str:
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def stages() -> str:
    rows = [(f"`{phase}`", ", ".join(STAGES[phase]) or "none") for phase in Phase]
    return table(("phase", "stages of the coding pipeline and of healing"), *rows)


def effects() -> str:
    rows = [
        (
            f"`{kind.model_fields['kind'].default}`",
            EFFECT_RULES[kind].marker,
            EFFECT_RULES[kind].probe,
            EFFECT_RULES[kind].conflict,
        )
        for kind in EFFECT_TYPES
    ]
    return table(("effect", "marker at the forge", "how it is found again", "conflict"), *rows)


def events() -> str:
    rows = [
        (f"`{kind.model_fields['kind'].default}`", ", ".join(p for p in Phase if p in heard))
        for kind, (_, heard) in HEARD.items()
    ]
    return table(("event", "phases that hear it"), *rows)


SETTINGS = {
    "data_dir": "store, signing key and git mirrors; private to the bot's user",
    "config_dir": "folder with your configuration files; unset: those that ship",
    "playbooks_dir": "folder with your playbooks; unset: `playbooks` in `config_dir`, or those that ship",
    "listen_host": "address to listen on; put TLS in front",
    "listen_port": "port to listen on; 0 takes a free one",
    "environment": "what this bot serves, as its pages and its API call it",
    "forge_host": "name of the forge, as `subsystems.yaml` writes it",
    "forge_api_url": "REST API of the forge",
    "forge_web_url": "where git clones from",
    "mode": "`checks`, or `statuses`: commit statuses in place of check runs",
    "app_id": "id of the GitHub App; required without `GRACE_FORGE_TOKEN`",
    "app_key": "private key of the App, PEM; or the next one",
    "app_key_file": "file with that key",
    "forge_token": "personal access token in place of an App; in the mode `statuses` alone",
    "webhook_secret": "secret of the App's webhook; required unless `GRACE_POLL`",
    "poll": "ask GitHub for everything, without webhooks; the same as `grace serve --poll`",
    "commits": "`git`, signed by Grace, or `api`: made and signed by GitHub, without a clone",
    "alert_token": "bearer token of Alertmanager; unset: it sends none. Of each alert source several secrets, with commas, while one is exchanged",
    "grafana_secret": "secret of Grafana's contact point; unset: it sends none",
    "sentry_secret": "client secret of Sentry's integration; unset: it sends none",
    "pagerduty_secret": "secret of PagerDuty's webhook subscription; unset: it sends none",
    "operator_token": "bearer token of the kill switch; unset: it cannot be turned",
    "public_url": "address that people use, `https://grace.example.org`; unset: loopback alone",
    "oauth_client_id": "client id of the App, so that people can sign in; unset: tokens alone",
    "oauth_client_secret": "secret of that client",
    "operators": "logins, or `#` and the number of an account, with commas, of the people who may operate Grace on her page",
    "session_hours": "how long somebody who signed in stays so; after 2 idle hours it ends too",
    "session_key": "32 random characters or more that seal cookies; unset: `session.key` in `data_dir`",
    "requests_per_minute": "how often one may ask API and pages; writes a fifth of it",
    "signing_key": "ledger key, base64 of 32 bytes; wins over the file",
    "signing_key_file": "file of the ledger key; unset: `signing.key` in `data_dir`",
    "stop_file": "while this file is there, Grace stops; unset: `STOP` in `data_dir`",
    "attestation_root": "trusted root (JSON) that verifies bundles; unset: the public sigstore instance's",
    "allowed_signers": "file of further Ed25519 keys whose signed commits count; Grace's own always does",
    "oidc_issuer": "who signs CI's job tokens",
    "oidc_audience": "the audience that those tokens must name",
    "author_name": "author of Grace's commits",
    "author_email": "address of that author",
    "redelivery_seconds": "how often deliveries that failed are asked for again",
    "detect_seconds": "time between two looks at the metrics of the catalog",
    "max_missions_per_hour": "how many missions a repository may begin within an hour",
    "sweep_seconds": "time between two sweeps of the live missions; unset: 300, while polling 15",
    "news_seconds": "time between two looks at issues and comments; while polling each sweep",
    "points_per_minute": "GitHub's limit: points a minute of an installation",
    "content_per_minute": "GitHub's limit: content created a minute; lower it to share it",
    "content_per_hour": "GitHub's limit: content created an hour; lower it to share it",
    "keep_samples_days": "how long samples of metrics are kept",
    "keep_samples_mb": "how large their file `samples.db` may be, in MiB; the oldest go first",
    "memory_url": "a PostgreSQL database to search [memory](memory.md) in; else it is SQLite",
    "memory_model": "a model for `sentence-transformers`, by name or folder, to search memory by",
    "log_json": "JSON lines, or text for people",
    "log_level": "DEBUG, INFO, WARNING or ERROR",
}


def settings() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "required" if default is PydanticUndefined else f"`{default}`"
        rows.append((f"`GRACE_{name.upper()}`", "" if default is None else shown, SETTINGS[name]))
    return table(("variable", "default", "what it is"), *rows)


def measures() -> str:
    made = Measures()
    rows = []
    for name in made.__dataclass_fields__:
        if name == "registry":
            continue
        metric = getattr(made, name)
        (family,) = metric.describe()
        suffix = "_total" if family.type == "counter" else ""
        labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "none"
        rows.append((f"`{family.name}{suffix}`", family.type, labels, family.documentation))
    return table(("measure", "type", "labels", "what it counts"), *rows)


def severities() -> str:
    rows = [
        (f"`{severity}`", ", ".join(f"`{w}`" for w, s in mapped if s is severity))
        for severity in Severity
        for mapped in [SEVERITIES.items()]
    ]
    return table(("severity of the mission", "the source's word for it"), *rows)


def permissions() -> str:
    rows = [
        (
            f"`{asked.name}`",
            asked.access,
            f"{asked.why}{' (optional)' if asked.optional else ''}",
        )
        for asked in PERMISSIONS
    ]
    return table(("permission", "access", "what for"), *rows)


def commands() -> str:
    rows = [
        (f"`/grace {written}`", COMMANDS[written.partition(" ")[0]].needs.value, does)
        for written, does in replies.COMMANDS.items()
    ]
    return table(("command", "permission", "what it does"), *rows)


# GitHub's least number of requests an hour for an installation.
_REQUESTS = 5000


def steps() -> list[tuple[Request, bool]]:
    """Read the calls of a mission that goes well from the page, and which are called content."""
    section = (
        BUDGET.read_text().partition("\n## A mission that goes well\n")[2].partition("\n## ")[0]
    )
    return [(Request("", m[1], m[2]), m[3] is not None) for m in _STEP.finditer(section)]


def hours() -> str:
    """Divide each limit by what a mission that goes well takes of it."""
    costs = [cost_of(request) for request, _ in steps()]
    calls, points = len(costs), sum(cost.points for cost in costs)
    content, limits = sum(cost.content for cost in costs), Limits()
    rows = []
    for amount, what, taken, times in (
        (_REQUESTS, "requests an hour", calls, 1),
        (limits.points_per_minute, "points a minute: a write is 5, a read 1", points, 60),
        (limits.content_per_minute, "content a minute", content, 60),
        (limits.content_per_hour, "content an hour", content, 1),
    ):
        whole = f"{amount:,}" if times == 1 else f"{times} * {amount:,}"
        made = f"{whole} / {taken} = {amount * times // taken:,}"
        rows.append((f"{amount:,} {what}", str(taken), made))
    return table(("limit", "a mission takes", "missions an hour"), *rows)


def webhooks() -> str:
    return ", ".join(f"`{name}`" for name in EVENTS)


GENERATED = {
    "phases": phases,
    "stages": stages,
    "effects": effects,
    "events": events,
    "settings": settings,
    "measures": measures,
    "severities": severities,
    "webhooks": webhooks,
    "permissions": permissions,
    "commands": commands,
    "hours": hours,
    **POLICY_BLOCKS,
    **API_BLOCKS,
    **PLAYBOOK_BLOCKS,
    "hunter-rules": labelled.rules_table,
    "hunter-cases": labelled.cases_table,
}
