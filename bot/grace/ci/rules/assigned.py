"""What is wrong with an assignment or a comparison by itself."""

import ast
import re
from typing import Final

from grace.ci.rules import keeping, words
from grace.ci.rules.places import Place, dotted_text, told_of
from grace.ci.rules.values import Danger, Source, Value

_OFF: Final = {
    "SESSION_COOKIE_SECURE": "GR041",
    "SESSION_COOKIE_HTTPONLY": "GR041",
    "CSRF_COOKIE_SECURE": "GR041",
    "REMEMBER_COOKIE_SECURE": "GR041",
    "REMEMBER_COOKIE_HTTPONLY": "GR041",
    "WTF_CSRF_ENABLED": "GR042",
    "WTF_CSRF_CHECK_DEFAULT": "GR042",
}
_KEY_NAME: Final = re.compile(
    r"(api|access|secret|private|auth|encryption|signing|jwt|app)_?(key|token)|secret|credential|"
    r"^(key|token)$",
    re.IGNORECASE,
)
# The same password twice, as a form asks for it, or one that was hashed.
_REPEATED: Final = re.compile(
    r"confirm|repeat|again|retype|verif|match|new|old|current|hash|digest|crypt|form|[12]$|"
    r"^self|other",
    re.IGNORECASE,
)


def assigned(place: Place, target: ast.expr, value: Value, node: ast.stmt) -> None:
    """Tell what is wrong with giving this target this value."""
    written = dotted_text(target)
    key = target.slice if isinstance(target, ast.Subscript) else None
    name = written.rpartition(".")[2]
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        name = key.value
    _switched(place, name, written, value, node)
    if isinstance(target, ast.Subscript):
        _header(place, dotted_text(target.value), name.lower(), value, node)
    _verifying(place, name, written, value, node)
    secret = isinstance(value.literal, str | bytes) and value.fixed
    if secret and _KEY_NAME.search(name) and words.random_looking(value.text or ""):
        place.told("GR040", node, f"{name} is written into the source")
    elif secret and re.fullmatch(r"(app\.)?secret_key", written.lower()):
        if value.text and place.names.uses("flask", "django", "quart"):
            place.told("GR040", node, f"{written} is written into the source")
    elif secret and name == "SECRET_KEY" and key is not None and value.text:
        place.told("GR040", node, "SECRET_KEY is written into the source")


def drawn(place: Place, name: str, node: ast.expr) -> None:
    """Tell where a value of this name is drawn so that it can be foretold."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            called = dotted_text(each.func)
            first, dot, rest = called.partition(".")
            known = place.env.get(first)
            start = known.name if known is not None else place.names.dotted(first)
            wrong = keeping.drawn(name, f"{start}{dot}{rest}")
            if wrong:
                place.told("GR039", each, wrong)
                return


def compared(place: Place, node: ast.Compare, left: Value, right: Value) -> None:
    """Tell where secrets are compared byte by byte."""
    if not isinstance(node.ops[0], ast.Eq | ast.NotEq):
        return
    sides = (node.left, node.comparators[0])
    if all(_one_of_secret(side) for side in sides):
        place.told("GR045", node, "the comparison ends at the first character that differs")
        return
    names = [dotted_text(side) or _key(side) for side in sides]
    if all(words.PASSWORD.search(n) and not _REPEATED.search(n) for n in names) and any(
        isinstance(side, ast.Attribute | ast.Subscript) for side in sides
    ):
        place.told("GR045", node, "a password is kept as it was typed and compared with ==")
        return
    for value in (left, right):
        if value.name.startswith("hmac.") and value.name.endswith(("digest()", "hexdigest()")):
            place.told("GR045", node, "== ends at the first byte that differs")
            return


def _key(node: ast.expr) -> str:
    """Return the last word that an element is taken by; empty for anything else."""
    match node:
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(key)), *_]):
            return key
        case _:
            return ""


def _one_of_secret(node: ast.expr) -> bool:
    """Tell whether this is one character of a secret, by a counted place."""
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Name)
        and words.about_password(node.value)
    )


def raised_to_client(place: Place, value: Value, node: ast.AST) -> None:
    """Tell where a handler answers with what only its log should say, or with markup of input."""
    if Danger.EXPOSED in value.dangers:
        place.told("GR017", node, f"{value.said or 'the error'} is sent to the client")
        return
    markup = Danger.MARKUP in value.dangers and value.source is Source.STRANGER
    if place.web == "markup" and markup and value.name != "{}":
        place.told("GR007", node, told_of(value, "the page"))


def _switched(place: Place, name: str, written: str, value: Value, node: ast.stmt) -> None:
    rule = _OFF.get(name)
    if rule and value.literal is False:
        place.told(rule, node, f"{name} is switched off")
    debug = written in {"app.debug", "DEBUG"} or (name == "DEBUG" and written == "")
    web = place.names.uses("flask", "django", "quart", "os") or written == "app.debug"
    if debug and web and value.literal is True:
        place.told("GR046", node, f"{written or name} is True")


def _verifying(place: Place, name: str, written: str, value: Value, node: ast.stmt) -> None:
    last = value.name.rpartition(".")[2]
    if (
        (name == "check_hostname" and value.literal is False)
        or (name == "verify_mode" and last == "CERT_NONE")
        or (name == "verify" and value.literal is False and place.names.uses("requests", "httpx"))
    ):
        place.told("GR032", node, f"{written} switches the check off")
    elif name == "_create_default_https_context" and last == "_create_unverified_context":
        place.told("GR032", node, "every connection of the program goes unverified")
    elif name == "minimum_version" and last in {"SSLv3", "TLSv1", "TLSv1_1", "MINIMUM_SUPPORTED"}:
        place.told("GR033", node, f"{last} is obsolete")


def _header(place: Place, of: str, name: str, value: Value, node: ast.stmt) -> None:
    if not of.endswith("headers") and not place.env.get(of, Value()).name.startswith(
        ("django.http.", "flask.Response", "flask.make_response")
    ):
        return
    if value.source is not Source.STRANGER:
        return
    if name == "location" and Danger.REDIRECT in value.dangers:
        place.told("GR006", node, told_of(value, "the header Location"))
    elif Danger.HEADER in value.dangers:
        place.told("GR008", node, told_of(value, f"the header {name}"))
