"""The API as a page for people, written from its OpenAPI document; it needs no script."""

import json
import re
from typing import Any, Final

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

_CODE: Final = re.compile(r"`([^`]+)`")
# What of a schema says which values there are.
_BOUNDS: Final = (
    ("minimum", "at least"),
    ("exclusiveMinimum", "above"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "below"),
    ("maxLength", "letters at most"),
    ("maxItems", "items at most"),
    ("pattern", "pattern"),
    ("default", "default"),
)


def page(document: dict[str, Any]) -> str:
    """Write the page."""
    world = Environment(
        loader=PackageLoader("grace.web.api"),
        autoescape=True,
    )
    world.filters.update(
        code=coded, kind=kind, model=model, models=models, pretty=lambda v: json.dumps(v, indent=2)
    )
    groups: dict[str, list[tuple[str, str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            group = groups.setdefault(operation["tags"][0], [])
            group.append((method.upper(), path, operation))
    return world.get_template("api.html").render(doc=document, groups=list(groups.items()))


def coded(text: str) -> Markup:
    """Show what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def model(schema: dict[str, Any]) -> str:
    """Name the model that a schema refers to."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def models(schema: dict[str, Any]) -> list[str]:
    """Name the models that a schema refers to, one or the other."""
    return [name for each in schema.get("anyOf", [schema]) if (name := model(each))]


def kind(schema: dict[str, Any]) -> Markup:
    """Say in a few words which values a schema allows; references become links."""
    return Markup("").join(_kind(schema))


def _kind(schema: dict[str, Any]) -> list[str | Markup]:
    if "$ref" in schema:
        name = model(schema)
        return [Markup('<a href="#schema-{0}">{0}</a>').format(name)]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _between(" or ", [_kind(each) for each in schema[key]])
    if "enum" in schema:
        return [", ".join(map(str, schema["enum"]))]
    if "const" in schema:
        return [str(schema["const"])]
    words: list[str | Markup] = [str(schema.get("format") or schema.get("type") or "any value")]
    items = schema.get("items")
    if isinstance(items, dict):
        words = ["list of ", *_kind(items)]
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        words = ["object of ", *_kind(values)]
    bounds = [f"{label} {schema[key]}" for key, label in _BOUNDS if key in schema]
    return [*words, f" ({'; '.join(bounds)})"] if bounds else words


def _between(glue: str, parts: list[list[str | Markup]]) -> list[str | Markup]:
    found: list[str | Markup] = []
    for part in parts:
        found += [glue, *part] if found else part
    return found
