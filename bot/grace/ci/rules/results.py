"""What a call returns: what it brings in, carries on, or takes the harm out of."""

import ast
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from grace.ci.rules.places import Call, dotted_text
from grace.ci.rules.sources import (
    CARRIERS,
    CLEANING_METHODS,
    cleaned_by,
    of_call,
    of_request,
)
from grace.ci.rules.values import ALL, Danger, Value, combined, joined, literal

_SLASH: Final = literal("/")
_ESCAPING: Final = "jinja2.Environment(autoescape)"
_FORMATS: Final = frozenset({"format", "join", "replace", "safe_substitute", "substitute"})
_RENDERS: Final = frozenset({"render", "render_to_string"})


def result(call: Call, given: Sequence[Value]) -> Value:
    """Return what a call returns, given the values of its arguments and keywords."""
    name, receiver = call.name, call.receiver
    sent = of_request(receiver, call.last, call.place.names, call.node.lineno)
    if sent is not None:
        return sent
    followed = call.place.rules.follow(call)
    if followed is not None:
        return followed
    if name == "jinja2.Environment" and not call.says("autoescape", value=False):
        return Value(name=_ESCAPING if "autoescape" in call.keywords else "jinja2.Environment()")
    brought = of_call(name, call.node.lineno)
    if brought is not None:
        return brought
    whole = joined(given)
    if name == "min" and any(each.fixed for each in given):
        whole = whole.without(frozenset({Danger.SIZE}))
    if name in {"re.sub", "re.subn"}:
        return _substituted(call)
    cleaned = cleaned_by(name, whole)
    if cleaned is not None:
        return replace(cleaned, name=f"{name}()", text=None, literal=..., fixed=False)
    if name == "os.path.join":
        parts = [part for each in given for part in (each, _SLASH)][:-1]
        return replace(combined(parts), name="os.path.join()", literal=..., upload=whole.upload)
    if isinstance(call.node.func, ast.Attribute) and call.last in _FORMATS:
        return _formatted(call, given)
    if name in CARRIERS:
        root = ""
        if name in {"urllib.parse.urlparse", "urllib.parse.urlsplit"} and call.node.args:
            root = dotted_text(call.node.args[0])
        return replace(whole, name=f"{name}()", text=None, literal=..., fixed=False, root=root)
    if call.last in _RENDERS:
        return _rendered(call, whole)
    if call.last == "resolve" and receiver.name.startswith(("pathlib.", "os.path.")):
        return replace(receiver, name="os.path.realpath()", text=None, literal=..., fixed=False)
    if receiver.dangers and call.last in {"get", "getlist", "pop", "setdefault", "getvalue"}:
        return receiver.named(f"{name}()")
    taken = CLEANING_METHODS.get(call.last, frozenset())
    return replace(receiver.without(taken).named(f"{name}()"), built=receiver.built)


def _substituted(call: Call) -> Value:
    """Return text with parts of it replaced: clean where all but some characters are taken out."""
    pattern, text = call.given(0, "pattern"), call.given(2, "string")
    if text is None:
        return Value()
    all_but = pattern is not None and re.search(r"\[\^|\\W", pattern.text or "") is not None
    return text.without(ALL if all_but else frozenset()).named("str()")


def _formatted(call: Call, given: Sequence[Value]) -> Value:
    """Return what `format`, `join`, `replace` and templates of the standard library make."""
    receiver = call.receiver
    if call.last == "replace":
        old = call.given(0)
        broken = old is not None and old.text in {"\n", "\r", "\r\n"}
        taken = frozenset({Danger.LOG, Danger.HEADER}) if broken else frozenset()
        return receiver.without(taken).named("str()")
    if call.last == "join":
        parts = joined([receiver, *given])
        return replace(parts, name="str()", text=None, literal=..., built=not parts.fixed)
    begin = literal((receiver.text or "").partition("{")[0].partition("$")[0])
    rest = replace(joined([receiver, *given]), text=None, fixed=False)
    return replace(combined([begin, rest]), name="str()", text=receiver.text)


def _rendered(call: Call, given: Value) -> Value:
    """Return what a template makes: markup is escaped but by jinja2 as it comes."""
    origin = call.receiver.name
    if origin.startswith("jinja2.") and not origin.startswith(_ESCAPING):
        return replace(given, name=f"{call.name}()", text=None, literal=..., fixed=False)
    escaped = given.without(frozenset({Danger.MARKUP}))
    return replace(escaped, name=f"{call.name}()", text=None, literal=..., fixed=False)
