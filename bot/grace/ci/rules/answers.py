"""What a handler answers with, and tests that only seem to guard."""

import ast
import re
from collections.abc import Sequence
from typing import Final

from grace.ci.rules.places import Call, Place, dotted_text, told_of
from grace.ci.rules.values import Danger, Source

_RESPONSES: Final = re.compile(
    r"(flask|quart)\.(Response|make_response)|django\.http\.HttpResponse(BadRequest|NotFound|Forbidden|ServerError)?|"
    r"werkzeug\.wrappers\.Response|(starlette|fastapi)\.responses\.HTMLResponse|"
    r"aiohttp\.web\.Response|bottle\.HTTPResponse|self\.(write|finish)|HttpResponse"
)
_PLAIN: Final = re.compile(r"text/plain|json|octet-stream|xml|csv|image/|pdf")
_USES: Final = frozenset({"open", "os.remove", "os.unlink", "os.chmod", "os.rename", "os.rmdir"})


def check(call: Call) -> None:
    """Tell where a response is made of input, or of what went wrong inside."""
    if not _RESPONSES.fullmatch(call.name):
        return
    kind = call.given(-1, "content_type", "mimetype", "media_type")
    headers = call.node_of(-1, "headers")
    said = (kind.text if kind else "") or (ast.unparse(headers) if headers else "")
    body = call.given(0, "content", "response", "text", "body")
    if body is None or (call.name == "aiohttp.web.Response" and "html" not in said):
        return
    if Danger.EXPOSED in body.dangers:
        call.place.told("GR017", call.node, f"{body.said or 'the error'} is sent to the client")
    if _PLAIN.search(said) or body.name == "{}":
        return
    if Danger.MARKUP in body.dangers and body.source is Source.STRANGER:
        call.place.told("GR007", call.node, told_of(body, "the page"))


def tested(place: Place, test: ast.expr, body: Sequence[ast.stmt]) -> None:
    """Tell where a file is looked at by name and then used by the same name."""
    looked = [
        ast.dump(each.args[0])
        for each in ast.walk(test)
        if isinstance(each, ast.Call)
        and each.args
        and _full(place, each) in {"os.access", "os.path.islink", "os.stat"}
    ]
    if not looked:
        return
    for statement in body:
        for each in ast.walk(statement):
            used = isinstance(each, ast.Call) and each.args and _full(place, each) in _USES
            if used and isinstance(each, ast.Call) and ast.dump(each.args[0]) in looked:
                place.told("GR049", each, "the file may be another by now")
                return


def decorated(place: Place, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """Tell where a view is taken out of the guard against requests from other sites."""
    for each in node.decorator_list:
        if dotted_text(each).endswith(("csrf_exempt", "csrf.exempt")):
            place.told("GR042", each, f"{node.name} takes requests from any site")


def _full(place: Place, call: ast.Call) -> str:
    first, dot, rest = dotted_text(call.func).partition(".")
    return f"{place.names.dotted(first)}{dot}{rest}"
