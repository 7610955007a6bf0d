"""What must be true of the GitHub App and its webhook. Pure: facts in, findings out."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict

from grace.setup.app_manifest import EVENTS, HOOK_PATH, PERMISSIONS
from grace.setup.findings import Finding, Unknown, fail, good, untold, warn

_RANK: Final = {"": 0, "read": 1, "write": 2, "admin": 3}
_SKEW_WARN_S: Final = 30.0
_SKEW_FAIL_S: Final = 60.0
_DANGEROUS: Final = frozenset({"workflows", "secrets", "environments", "organization_secrets"})
_NEWEST: Final = 3
_ARRIVED: Final = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
_REDIRECTS: Final = range(HTTPStatus.MULTIPLE_CHOICES, HTTPStatus.BAD_REQUEST)


class Lenient(BaseModel):
    """A forge's answer as far as it is used."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class AppFacts(Lenient):
    """`GET /app`."""

    id: int
    slug: str
    permissions: dict[str, str] = {}
    events: tuple[str, ...] = ()


class InstallationFacts(Lenient):
    """`GET /repos/{owner}/{repo}/installation`."""

    id: int
    suspended_at: AwareDatetime | None = None
    permissions: dict[str, str] = {}
    events: tuple[str, ...] = ()


class HookFacts(Lenient):
    """`GET /app/hook/config`; the secret comes masked, or not at all where there is none."""

    url: str | None = None
    content_type: str | None = None
    secret: str | None = None
    insecure_ssl: str | float | None = None


class DeliveryFacts(Lenient):
    """One of `GET /app/hook/deliveries`, which come newest first."""

    guid: str
    delivered_at: AwareDatetime
    status: str = ""
    status_code: int = 0


def check_identity(app: AppFacts | Unknown, app_id: int) -> Finding:
    """The key opens the App that the settings name."""
    name = "App"
    if isinstance(app, Unknown):
        return fail(name, app.why, "check app_id, app_key_file, forge_api_url and the clock")
    if app.id != app_id:
        found = f"the key belongs to {app.slug} ({app.id}), not to {app_id}"
        return fail(name, found, f"set app_id to {app.id}, or give the key of {app_id}")
    return good(name, f"{app.slug} (id {app.id}) knows the key")


def check_permissions(granted: Mapping[str, str], name: str, where: str) -> list[Finding]:
    """Every permission that Grace uses is granted, and none that would be dangerous."""
    lacking = [p for p in PERMISSIONS if _RANK.get(granted.get(p.name, ""), 0) < _RANK[p.access]]
    needed = {p.name: p.access for p in PERMISSIONS}
    findings = []
    for permission in lacking:
        has = granted.get(permission.name) or "none"
        found = f"{permission.name}: {has}, wanted {permission.access} ({permission.why})"
        does = permission.optional or has == permission.enough
        level = warn if does else fail
        findings.append(level(name, found, f"grant {permission.name}: {permission.access} {where}"))
    more = [
        f"{each}: {access}"
        for each, access in sorted(granted.items())
        if _RANK.get(access, 0) > max(_RANK[needed.get(each, "")], 1)
        or (each in _DANGEROUS and each not in needed)
    ]
    if more:
        findings.append(warn(name, f"more than Grace uses: {', '.join(more)}", f"take it {where}"))
    return findings or [good(name, f"all {len(PERMISSIONS)} that are used, and no more")]


def check_events(subscribed: Sequence[str]) -> Finding:
    """Every event that Grace reads is sent."""
    lacking = [event for event in EVENTS if event not in subscribed]
    if not lacking:
        return good("App events", f"all {len(EVENTS)}")
    optional = {p.name for p in PERMISSIONS if p.optional}
    level = warn if all(EVENTS[event] in optional for event in lacking) else fail
    mend = "tick them in the App's settings, Permissions and events"
    return level("App events", f"not subscribed: {', '.join(lacking)}", mend)


def check_hook(hook: HookFacts | Unknown, expected: str | None) -> list[Finding]:
    """The webhook is signed JSON to Grace's path; `expected` is its whole address if known."""
    name, where = "webhook", "in the App's settings"
    if isinstance(hook, Unknown):
        return [untold(name, hook, f"look {where} that its URL ends in {HOOK_PATH}")]
    if not hook.url:
        found = "the App has no webhook address"
        return [warn(name, found, f"set it {where}, or run the bot with `grace serve --poll`")]
    findings = []
    if expected is not None and hook.url != expected:
        findings.append(fail(name, f"goes to {hook.url}", f"set it to {expected} {where}"))
    elif urlsplit(hook.url).path != HOOK_PATH:
        mend = f"it must end in {HOOK_PATH}; set it {where}"
        findings.append(fail(name, f"goes to {hook.url}", mend))
    if not hook.secret:
        mend = f"set the same secret {where} and in webhook_secret"
        findings.append(fail(name, "GitHub has no secret for it", mend))
    if hook.content_type != "json":
        found = f"content type {hook.content_type}"
        findings.append(fail(name, found, f"choose application/json {where}"))
    if str(hook.insecure_ssl or "0") not in {"0", "0.0"}:
        findings.append(warn(name, "TLS is not verified", f"enable SSL verification {where}"))
    return findings or [good(name, f"signed JSON to {hook.url}")]


def check_reach(status: int | Unknown, url: str) -> Finding:
    """Grace answers at the webhook's address: a GET there is refused with 405, by her alone."""
    name = "webhook reached"
    if isinstance(status, Unknown):
        mend = "start `grace serve`; if it runs, see that the address leads to it"
        return untold(name, status, mend)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return good(name, f"{url} answers")
    found = f"{url} answers {status} to a GET"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return warn(name, found, "start `grace serve`; a proxy answers in its place")
    if status in _REDIRECTS:
        return fail(name, found, "GitHub follows no redirect; give the address it leads to")
    return fail(name, found, f"something else is there; let the proxy pass {HOOK_PATH} to Grace")


def check_deliveries(deliveries: Sequence[DeliveryFacts] | Unknown) -> Finding:
    """What GitHub sent has arrived. Grace asks again for what did not."""
    name = "deliveries"
    if isinstance(deliveries, Unknown):
        return untold(name, deliveries, "see Advanced in the App's settings")
    tries: dict[str, list[DeliveryFacts]] = {}
    for delivery in deliveries:
        tries.setdefault(delivery.guid, []).append(delivery)
    if not tries:
        return good(name, "nothing was sent in the last three days")
    lost = [made[0] for made in tries.values() if not any(d.status_code in _ARRIVED for d in made)]
    newest = [made[0] for made in tries.values()][:_NEWEST]
    if not lost:
        return good(name, f"the last {len(tries)} arrived")
    said = f"{lost[0].status_code} {lost[0].status}".strip()
    found = f"{len(lost)} of {len(tries)} did not arrive; the last said: {said}"
    mend = _delivery_mend(lost[0].status_code)
    every = all(delivery in lost for delivery in newest)
    return fail(name, found, mend) if every else warn(name, found, mend)


def check_clock(skew_s: float | Unknown) -> Finding:
    """The clock agrees with the forge's; a JWT is made for ten minutes, a minute backdated."""
    name = "clock"
    if isinstance(skew_s, Unknown):
        return untold(name, skew_s, "keep the clock by NTP")
    ahead = "ahead of" if skew_s > 0 else "behind"
    found = f"{abs(skew_s):.0f} s {ahead} the forge's"
    mend = "set the clock by NTP; past a minute the forge refuses our tokens"
    if abs(skew_s) > _SKEW_FAIL_S:
        return fail(name, found, mend)
    return warn(name, found, mend) if abs(skew_s) > _SKEW_WARN_S else good(name, found)


def check_installation(installation: InstallationFacts | Unknown, repository: str) -> list[Finding]:
    """The App is installed on a repository, not suspended, with the permissions it asks for."""
    name = f"{repository}: installation"
    if isinstance(installation, Unknown):
        return [fail(name, installation.why, f"install the App on {repository}")]
    if installation.suspended_at is not None:
        found = f"suspended since {installation.suspended_at:%Y-%m-%d}"
        return [fail(name, found, "lift the suspension in the owner's settings")]
    where = "by accepting the App's request in the owner's settings"
    return check_permissions(installation.permissions, name, where)


def _delivery_mend(status: int) -> str:
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.BAD_REQUEST | HTTPStatus.FORBIDDEN:
            return "the secrets differ: set the App's to webhook_secret"
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED:
            return f"the address is wrong: it must lead to {HOOK_PATH}"
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return "let the proxy pass bodies of 25 MiB"
        case _:
            return "see that `grace serve` runs and that GitHub can reach it"
