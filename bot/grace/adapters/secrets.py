"""Look for secrets in the lines that a patch adds, with the patterns of detect-secrets.

Its detectors are asked one string at a time: that needs none of its process-wide settings, so
scans in several threads do not disturb each other, and no comment in a patch silences a scan.
Detectors by entropy alone are left out: they take digests, lock files and images for secrets.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import BasePlugin
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.cloudant import CloudantDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.softlayer import SoftlayerDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from grace.domain.leaks import SecretFound

MAX_FOUND = 100
PIECE = 2048  # characters that a pattern sees at a time: none of them can run away on that
OVERLAP = 512
KEY_BODY_LINES = 5  # headers and a blank line may stand between a key's first line and its body

_SURE: tuple[type[BasePlugin], ...] = (
    AWSKeyDetector,
    AzureStorageKeyDetector,
    CloudantDetector,
    DiscordBotTokenDetector,
    GitHubTokenDetector,
    GitLabTokenDetector,
    IbmCosHmacDetector,
    JwtTokenDetector,
    MailchimpDetector,
    NpmDetector,
    OpenAIDetector,
    PypiTokenDetector,
    SendGridDetector,
    SlackDetector,
    SoftlayerDetector,
    SquareOAuthDetector,
    StripeDetector,
    TelegramBotTokenDetector,
    TwilioKeyDetector,
)
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_FINE_GRAINED = re.compile(r"github_pat_[A-Za-z0-9_]{60,}")
_OURS = re.compile(
    r"GRACE_(?:APP_KEY|WEBHOOK_SECRET|ALERT_TOKEN|OPERATOR_TOKEN|FORGE_TOKEN|SIGNING_KEY"
    r"|SESSION_KEY|OAUTH_CLIENT_SECRET|TOKEN)"
    r"[\"']?\s{0,5}[:=]\s{0,5}[\"']?([^\s\"']{8,})"
)
_OUR_TOKEN = re.compile(r"(?<![A-Za-z0-9_])grace_[A-Za-z0-9]{43}(?![A-Za-z0-9_])")
_NAMED = re.compile(
    r"(?:passw(?:or)?d|pwd|secret|token|credential|(?:api|auth|access|account|private|signing)_?key)"
    r"(?P<rest>[\w.-]{0,40})[\"'\]]{0,3}\s{0,5}(?::=|=>|={1,3}|:)\s{0,5}[@bru]{0,2}[\"'`]"
    r"(?P<value>[A-Za-z0-9+/=_.~!%^&*@-]{16,200})[\"'`]",
    re.IGNORECASE,
)
_NAMES_NO_SECRET = re.compile(
    r"hash|digest|sha\d|checksum|fingerprint|url|uri|path|file", re.IGNORECASE
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"\$|<|\{|%[(s]|x{4}|\.{3}|\*{3}|example|placeholder|changeme|^(?:token|password|secret)$",
    re.IGNORECASE,
)
_HERE = re.compile(
    r"(?:localhost|127\.|\[::1\]|0\.0\.0\.0|[\w.-]*example\.|[\w-]+(?:[:/\"'`\s]|$))"
)
_KEY_BEGINS = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/]{40}")
_MIN_BITS = 3.2  # per character; hexadecimal digits have at most 4
_MIN_DIGITS = 3


@dataclass(frozen=True, slots=True)
class _Added:
    path: str
    line: int
    text: str


def secret_scan() -> Callable[[bytes], tuple[SecretFound, ...]]:
    """Make the detectors; the scan that is returned may run in several threads at once."""
    detectors = tuple(kind() for kind in _SURE)
    basic_auth = BasicAuthDetector()

    def scan(diff: bytes) -> tuple[SecretFound, ...]:
        """Find the secrets in a unified diff's added lines, at most `MAX_FOUND`, one a line."""
        lines = tuple(_added(diff))
        found: list[SecretFound] = []
        for at, line in enumerate(lines):
            kind = _key(lines[at : at + 1 + KEY_BODY_LINES]) or next(
                (k for piece in _pieces(line.text) if (k := _kind(piece, detectors, basic_auth))),
                None,
            )
            if kind is not None:
                found.append(SecretFound(path=line.path, line=line.line, kind=kind))
            if len(found) == MAX_FOUND:
                break
        return tuple(found)

    return scan


def _kind(text: str, detectors: tuple[BasePlugin, ...], basic_auth: BasePlugin) -> str | None:
    for detector in detectors:
        if any(detector.analyze_string(text)):
            return detector.secret_type
    if _FINE_GRAINED.search(text):
        return GitHubTokenDetector.secret_type
    if (ours := _OURS.search(text)) is not None and not _PLACEHOLDER.search(ours[1]):
        return "setting of Grace"
    if _OUR_TOKEN.search(text):
        return "token of Grace"
    if any(_reaches_out(text, password) for password in basic_auth.analyze_string(text)):
        return basic_auth.secret_type
    if any(_looks_drawn(named) for named in _NAMED.finditer(text)):
        return "value of a secret's name"
    return None


def _key(lines: tuple[_Added, ...]) -> str | None:
    """Tell a private key by its first line and its body; the first line alone is a constant."""
    begins = _KEY_BEGINS.search(lines[0].text)
    if begins is None:
        return None
    following = (line.text for line in lines[1:] if line.path == lines[0].path)
    bodies = (lines[0].text[begins.end() :], *following)
    return "private key" if any(_KEY_BODY.search(body) for body in bodies) else None


def _reaches_out(text: str, password: str) -> bool:
    """Tell whether an address with a password names a host that is not this machine or a sample."""
    _, _, after = text.partition(f":{password}@")
    return not _PLACEHOLDER.search(password) and _HERE.match(after) is None


def _looks_drawn(named: re.Match[str]) -> bool:
    """Tell whether a value looks drawn at random rather than written by a person."""
    value = named["value"]
    if _NAMES_NO_SECRET.search(named["rest"]) or _UUID.search(value) or _PLACEHOLDER.search(value):
        return False
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    digits = sum(c.isdigit() for c in value)
    return bits >= _MIN_BITS and digits >= _MIN_DIGITS and any(c.isalpha() for c in value)


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, max(len(text) - OVERLAP, 1), PIECE - OVERLAP):
        yield text[start : start + PIECE]


def _added(diff: bytes) -> Iterator[_Added]:
    """Yield the added lines; hunks are counted, so that no line is taken for a header."""
    path, line, old, new = "", 0, 0, 0
    for raw in diff.split(b"\n"):
        if old > 0 or new > 0:
            match raw[:1]:
                case b"+":
                    yield _Added(path, line, raw[1:].decode("utf-8", "replace"))
                    line, new = line + 1, new - 1
                case b"-":
                    old -= 1
                case b"\\":
                    pass
                case _:
                    line, old, new = line + 1, old - 1, new - 1
        elif raw.startswith(b"+++ "):
            path = _path(raw[4:])
        elif (hunk := _HUNK.match(raw)) is not None:
            old, line, new = (1 if n is None else int(n) for n in hunk.groups())


def _path(name: bytes) -> str:
    """Read the name of a `+++` line, in the quotes that git puts around strange ones."""
    if name.startswith(b'"'):
        name = _ESCAPE.sub(_unescaped, name.rstrip()[1:-1])
    else:
        name = name.partition(b"\t")[0].rstrip(b"\r")
    return name.removeprefix(b"b/").decode("utf-8", "replace")


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) > 1 else code
