"""Calls that are wrong as they are written, whoever decides their arguments."""

import ast
import re
from collections.abc import Callable
from typing import Final

from grace.ci.rules.places import Call, dotted_text, told_of
from grace.ci.rules.values import Danger, Source

Tell = Callable[[str, str], None]
_HEADERS_SET: Final = frozenset({"add", "set", "setdefault", "append", "add_header", "extend"})
# Hosts of the outside world: names of one word, and those of a private network, are not meant.
_PLAIN: Final = re.compile(
    r"http://(?!127\.|10\.|192\.168\.|[^/]*\.(?:local|internal|svc|test|localhost)(?:[:/]|$))"
    r"[\w-]+\.[\w.-]+",
    re.IGNORECASE,
)
_NESTED: Final = re.compile(
    r"\((?:\?:)?(?:\\.|\[[^\]]*\]|[^\\()\[\]|])[+*]\)[+*]"
    r"|\((?:\?:)?(?:\\.|\[[^\]]*\]|[^\\()\[\]|])[+*](?:\\s|\s)[?*]\)[+*]"
    r"|\((?:\?:)?([^()|]+)\|\1\)[+*]"
    r"|\(\.\*[^()]*\)[+*]"
)


def check(call: Call) -> None:
    """Tell what is wrong with this call by itself."""

    def tell(rule: str, what: str) -> None:
        call.place.told(rule, call.node, what)

    for family in (_xml, _archives, _tls, _tokens, _cookies, _files, _plain, _patterns, _debug):
        family(call, tell)


def _xml(call: Call, tell: Tell) -> None:
    if call.name in {"lxml.etree.XMLParser", "lxml.etree.ETCompatXMLParser"}:
        loose = {"resolve_entities": True, "no_network": False, "load_dtd": True, "huge_tree": True}
        loose["dtd_validation"] = True
        for keyword, value in loose.items():
            if call.says(keyword, value):
                tell("GR030", f"the parser is told {keyword}={value}")
                return
    if call.name == "lxml.etree.XSLTAccessControl" and call.says("read_network", value=True):
        tell("GR030", "stylesheets may read from the network")
    if call.last == "setFeature" and call.given(1) and call.given(1, "state") is not None:
        on = call.given(1, "state")
        feature = call.node_of(0, "name")
        named = "" if feature is None else ast.unparse(feature)
        if on and on.literal and "external" in named:
            tell("GR030", "the parser is told to read external entities")
    if call.name in {"lxml.etree.fromstring", "lxml.etree.parse", "lxml.etree.XML"}:
        given = call.given(0)
        parser = call.given(1, "parser")
        if given and Danger.XML in given.dangers and given.source is Source.STRANGER and not parser:
            tell("GR030", f"{given.said} is read by a parser that resolves entities")


def _archives(call: Call, tell: Tell) -> None:
    if call.name == "shutil.unpack_archive" and "filter" not in call.keywords:
        first = call.given(0)
        if first and not (first.text or "").endswith(".zip"):
            tell("GR031", "members of an archive may lie outside of the folder")
    if call.last not in {"extractall", "extract"} or not call.receiver.name.startswith("tarfile."):
        return
    if "filter" not in call.keywords and "members" not in call.keywords:
        tell("GR031", "members of a tar archive may lie outside of the folder")


def _tls(call: Call, tell: Tell) -> None:
    name = call.name
    if name in {"ssl._create_unverified_context", "ssl._create_stdlib_context"}:
        tell("GR032", "the context verifies nothing")
    if call.says("verify", value=False) and name.startswith(("requests.", "httpx.", "aiohttp.")):
        tell("GR032", "verify=False")
    if name.startswith("aiohttp.") and (
        call.says("ssl", value=False) or call.says("verify_ssl", value=False)
    ):
        tell("GR032", "ssl=False")
    for keyword in ("cert_reqs", "check_hostname", "assert_hostname", "validate_certs"):
        value = call.keywords.get(keyword)
        if value and (value.literal in {"CERT_NONE", False} or value.name.endswith("CERT_NONE")):
            tell("GR032", f"{keyword} switches the check off")
    if name.endswith(".set_verify") and call.args and call.args[0].name.endswith("VERIFY_NONE"):
        tell("GR032", "the context is told to verify nothing")
    unset = {"OpenSSL.SSL.Context": "set_verify", "ssl.SSLContext": "verify_mode"}.get(name)
    sided = any(value.name.endswith(("_CLIENT", "_SERVER")) for value in call.args)
    if unset and not sided and unset not in call.place.names.attributes:
        tell("GR032", f"a context verifies nothing until it is told to by {unset}")
    if name == "ssl.wrap_socket":
        tell("GR032", "ssl.wrap_socket verifies no certificate and no host")
    if call.last == "set_option" and len(call.args) > 1:
        asked = call.args[1].name
        if asked.endswith(("OPT_X_TLS_NEVER", "OPT_X_TLS_ALLOW")):
            tell("GR032", "any certificate is taken")
    old = re.compile(r"(PROTOCOL_|\.)(SSLv2|SSLv3|TLSv1|TLSv1_1)(_METHOD)?$")
    if name in {"ssl.SSLContext", "OpenSSL.SSL.Context", "ssl.wrap_socket"}:
        for value in (*call.args, *call.keywords.values()):
            if old.search(value.name):
                tell("GR033", f"{value.name.rpartition('.')[2]} is obsolete")


def _tokens(call: Call, tell: Tell) -> None:
    if call.last in {"get_unverified_claims", "process_jwt"}:
        tell("GR044", "the claims are read without verifying who made them")
    if not call.name.startswith(("jwt.", "jose.", "authlib.jose.")):
        return
    given = "".join(ast.unparse(k.value) for k in call.node.keywords if k.arg == "options")
    if call.last == "decode" and (
        call.says("verify", value=False)
        or re.search(r"'verify(_signature)?': False", given)
        or (call.given(2) and call.args[2].literal is False)
    ):
        tell("GR044", "the signature is not verified")
    for node in call.node.keywords:
        if node.arg in {"algorithm", "algorithms"} and re.search(
            r"'none'", ast.unparse(node.value), re.IGNORECASE
        ):
            tell("GR044", "the algorithm none is no signature")


def _cookies(call: Call, tell: Tell) -> None:
    if call.last == "set_cookie" and len(call.args) + len(call.keywords) > 1:
        missing = [k for k in ("secure", "httponly") if not _on(call, k)]
        if missing and "**" not in call.keywords:
            tell("GR041", f"the cookie is set without {' and '.join(missing)}")
    forged = [
        value
        for value in (*call.args, *call.keywords.values())
        if Danger.HEADER in value.dangers and value.source is Source.STRANGER
    ]
    if forged and call.last in {"set_cookie", "set_signed_cookie"}:
        tell("GR008", told_of(forged[0], "a cookie"))
    headers = call.receiver.name.endswith(("Headers()", ".headers"))
    if forged and headers and call.last in _HEADERS_SET:
        tell("GR008", told_of(forged[0], "a header"))
    loose = call.last == "CORS" or (
        call.last == "add_middleware" and "allow_origins" in call.keywords
    )
    if loose and (call.says("allow_credentials", value=True) or _on(call, "supports_credentials")):
        origins = call.node_of(-1, "allow_origins", "origins")
        if origins is not None and "'*'" in ast.unparse(origins):
            tell("GR043", "every origin may send credentials")


def _on(call: Call, keyword: str) -> bool:
    value = call.keywords.get(keyword)
    return value is not None and value.literal is not False and value.literal is not None


def _files(call: Call, tell: Tell) -> None:
    name = call.name
    if name in {"tempfile.mktemp", "os.tempnam", "os.tmpnam"}:
        tell("GR047", f"{name} gives a name, not a file: somebody else may make it first")
    first = call.given(0)
    if name in {"open", "os.open", "os.mkdir", "os.makedirs"} and first and first.text:
        writes = name != "open" or _writes(call)
        if writes and re.match(r"/(var/)?tmp/\w", first.text):
            tell("GR047", "a fixed place in a folder that everybody may write to")
    mode = {"os.chmod": (1, "mode"), "os.mkdir": (1, "mode"), "os.makedirs": (1, "mode")}.get(name)
    mode = (
        (2, "mode")
        if name == "os.open"
        else (0, "mode")
        if call.last == "chmod" and not mode
        else mode
    )
    if mode is None and name == "os.umask" and first and first.literal == 0:
        tell("GR048", "files are made with all rights for everybody")
    value = call.given(*mode) if mode else None
    bits = value.literal if value else None
    if isinstance(bits, int) and not isinstance(bits, bool) and bits & 0o002:
        tell("GR048", f"mode {bits:#o} lets everybody write")
    elif isinstance(bits, int) and name == "os.chmod" and bits & 0o001:
        tell("GR048", f"mode {bits:#o} lets everybody run it")


def _writes(call: Call) -> bool:
    mode = call.given(1, "mode")
    return mode is not None and isinstance(mode.text, str) and not mode.text.startswith("r")


def _plain(call: Call, tell: Tell) -> None:
    if call.name in {"ftplib.FTP", "telnetlib.Telnet", "nntplib.NNTP", "poplib.POP3"}:
        tell("GR034", f"{call.name} sends passwords and data as they are")
    first = call.given(0, "url")
    fetches = call.name.startswith(("requests.", "httpx.", "urllib.request.url"))
    if fetches and first and first.text and _PLAIN.match(first.text):
        tell("GR034", "the address begins with http://")
    bound = getattr(call.node_of(0), "elts", None) if call.last == "bind" else None
    if bound and isinstance(bound[0], ast.Constant) and bound[0].value in {"", "::"}:
        tell("GR051", "an empty address is every address of the machine")


def _patterns(call: Call, tell: Tell) -> None:
    if not call.name.startswith("re."):
        return
    first = call.given(0, "pattern")
    if first and first.text and first.fixed and _NESTED.search(first.text):
        tell("GR050", "a repetition holds another that matches the same text")


def _debug(call: Call, tell: Tell) -> None:
    run = call.last in {"run", "run_app", "run_simple"} and bool(call.receiver.name)
    flask = call.place.names.uses("flask", "bottle", "werkzeug", "quart", "sanic")
    if run and flask and (call.says("debug", value=True) or call.says("use_debugger", value=True)):
        tell("GR046", "the debugger runs what anybody sends to it")
    if call.last == "csrf_exempt" or dotted_text(call.node.func).endswith("csrf.exempt"):
        tell("GR042", "this view takes requests from any site")
