"""The GitHub App's manifest: the least that Grace needs, each with the reason.

Source: GitHub Docs, "Registering a GitHub App from a manifest" and "Permissions required for
GitHub Apps".
"""

import json
import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, urlsplit

Access = Literal["read", "write"]
HOOK_PATH: Final = "/hooks/github"
START_PATH: Final = "/github/manifest"
CALLBACK_PATH: Final = "/github/manifest/callback"
SIGN_IN_PATH: Final = "/sign-in/callback"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_NAME_LIMIT: Final = 34  # GitHub's


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission, on repositories unless `why` says more.

    Without an optional one Grace works, and does `why` not. `enough`: with this much of it she
    works too, and leaves out a part of `why`.
    """

    name: str
    access: Access
    why: str
    optional: bool = False
    enough: Access | None = None


PERMISSIONS: Final = (
    Permission(
        "actions",
        "write",
        "runs of CI, and the report that one leaves as an artifact; write: to have an agent run",
        enough="read",
    ),
    Permission("administration", "read", "`grace doctor` reads branch protection", optional=True),
    Permission("checks", "write", "`mission/governance`, `mission/metrics`, `mission/observation`"),
    Permission("contents", "write", "work branch, merge, revert, branch `grace-ledger`"),
    Permission("deployments", "read", "to be told of deployments, which open the window"),
    Permission("issues", "write", "the mission's issue, comment, label, reactions, CAPA tickets"),
    Permission(
        "members",
        "read",
        "who is in a team that a policy names; on the organisation",
        optional=True,
    ),
    Permission("merge_queues", "read", "to judge the groups of a merge queue", optional=True),
    Permission("metadata", "read", "the repository, and what a person may do in it"),
    Permission("pull_requests", "write", "the mission's pull request, its reviews, its merge"),
    Permission("statuses", "read", "CI that reports commit statuses"),
)

# Each event, and the permission without which GitHub does not let an App ask for it.
EVENTS: Final[dict[str, str]] = {
    "check_run": "checks",
    "check_suite": "checks",
    "deployment_status": "deployments",
    "issue_comment": "issues",
    "issues": "issues",
    "merge_group": "merge_queues",
    "pull_request": "pull_requests",
    "pull_request_review": "pull_requests",
    "push": "contents",
    "repository": "metadata",
    "status": "statuses",
    "workflow_run": "actions",
}


class ManifestError(Exception):
    """A manifest that GitHub would refuse; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class AppRequest:
    """The App that is asked for. `url`: where GitHub reaches the bot. `org`: None is yourself."""

    url: str
    name: str = "Grace Mission Control"
    org: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not parts.hostname or not (parts.scheme == "https" or local):
            raise ManifestError(f"{self.url!r} is no https address (http is for loopback only)")
        if parts.query or parts.fragment or parts.username:
            raise ManifestError(
                f"{self.url!r} must be an address alone: no user, query or fragment"
            )
        if not 0 < len(self.name.strip()) <= _NAME_LIMIT:
            raise ManifestError(f"an App's name has 1 to {_NAME_LIMIT} characters")
        if self.org is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", self.org):
            raise ManifestError(f"{self.org!r} cannot be the name of an organisation")

    @property
    def base(self) -> str:
        return self.url.rstrip("/")

    @property
    def public_url(self) -> str | None:
        """Return the address of the pages; None: they are not served below a path."""
        return None if urlsplit(self.base).path else self.base


def manifest(request: AppRequest) -> dict[str, object]:
    """Write the manifest as GitHub takes it."""
    return {
        "name": request.name.strip(),
        "url": request.base,
        "description": "Governed merges, observed releases, rollbacks, with a signed record.",
        "hook_attributes": {"url": request.base + HOOK_PATH, "active": True},
        "redirect_url": request.base + CALLBACK_PATH,
        "callback_urls": [request.base + SIGN_IN_PATH],
        "request_oauth_on_install": False,
        "public": False,
        "default_permissions": {each.name: each.access for each in PERMISSIONS},
        "default_events": list(EVENTS),
    }


def manifest_json(request: AppRequest) -> str:
    """Write the manifest as JSON text."""
    return json.dumps(manifest(request), indent=2)


def form_address(request: AppRequest, web_url: str, state: str = "") -> str:
    """Return where at GitHub the manifest is posted to, as the form field `manifest`."""
    owner = f"organizations/{request.org}/settings" if request.org else "settings"
    query = f"?state={quote(state, safe='')}" if state else ""
    return f"{web_url.rstrip('/')}/{owner}/apps/new{query}"
