"""Where values come from that somebody else decides, and what takes the harm out of them."""

import re
from typing import Final

from grace.ci.rules.names import Names
from grace.ci.rules.values import (
    ALL,
    NONE,
    OF_OPERATORS,
    OF_STRANGERS,
    Danger,
    Dangers,
    Source,
    Value,
    each_of,
)

# What only the request that a server got has, and what that of a client has too.
_SERVED: Final = each_of(
    """
    args form values query_string full_path GET POST FILES COOKIES META query_params path_params
    match_info rel_url forms get_json get_data get_full_path build_absolute_uri matchdict json_body
    form_data body_arguments query_arguments
    """
)
_SENT: Final = each_of(
    """
    files json data cookies headers stream url base_url path referrer body query content params
    getlist getvalue text post read arguments uri
    """
)
FRAMEWORKS: Final = (
    "django",
    "flask",
    "rest_framework",
    "fastapi",
    "starlette",
    "aiohttp",
    "sanic",
    "bottle",
    "tornado",
    "pyramid",
    "falcon",
    "werkzeug",
    "quart",
    "cherrypy",
    "litestar",
    "ninja",
)
REQUESTS: Final = frozenset(
    {
        "flask.request",
        "quart.request",
        "bottle.request",
        "sanic.request",
        "self.request",
        "request",
        "req",
    }
)
# Methods of a handler that return what the client sent.
_ASKED: Final = frozenset(
    {"get_argument", "get_arguments", "get_query_argument", "get_body_argument", "get_cookie"}
)
_ANSWERED: Final[Dangers] = frozenset({Danger.CODE, Danger.COMMAND, Danger.OBJECT})
_FETCHES: Final = re.compile(
    r"(urllib\.request\.urlopen|(requests|httpx)\.(get|post|put|request))\(\)\.(read|text|json|content)"
)


def of_request(of: Value, part: str, names: Names, line: int) -> Value | None:
    """Return what a client sent in this part of its request; None where it is no such part."""
    if of.name not in REQUESTS or of.dangers:
        return None
    if part not in _SERVED and not (part in _SENT and names.uses(*FRAMEWORKS)):
        return None
    said = f"request.{part}"
    return Value(OF_STRANGERS, Source.STRANGER, name=said, said=said, line=line)


def of_stranger(said: str, line: int) -> Value:
    """Return what a stranger decides."""
    return Value(OF_STRANGERS, Source.STRANGER, name=said, said=said, line=line)


def of_answer(name: str, line: int) -> Value | None:
    """Return what another server answered; None for any other name."""
    if _FETCHES.fullmatch(name):
        return Value(_ANSWERED, Source.STRANGER, name=name, said=name, line=line)
    return None


def of_call(name: str, line: int) -> Value | None:
    """Return what a call brings in from outside; None where it brings nothing."""
    last = name.rpartition(".")[2]
    if name == "input" or last == "parse_args":
        return Value(OF_OPERATORS, Source.OPERATOR, name=f"{name}()", said=name, line=line)
    if name.startswith("self.") and last in _ASKED:
        return of_stranger(last, line)
    if name.startswith("cgi.FieldStorage()") or (
        name.startswith("socket.") and last in {"recv", "recvfrom"}
    ):
        return of_stranger(name, line)
    if name in {"traceback.format_exc", "traceback.format_exception"}:
        return Value(frozenset({Danger.EXPOSED}), Source.STRANGER, name, said=name, line=line)
    return of_answer(name, line)


_QUOTED: Final[Dangers] = frozenset(
    {
        Danger.MARKUP,
        Danger.HEADER,
        Danger.LOG,
        Danger.FETCH,
        Danger.REDIRECT,
        Danger.PATH,
    }
)
_ONE_LINE: Final[Dangers] = frozenset({Danger.LOG, Danger.HEADER})
_NUMBER: Final[Dangers] = ALL - {Danger.SIZE}
# By dotted name: what the result of a function cannot do harm to any more.
CLEANERS: Final[dict[str, Dangers]] = {
    **dict.fromkeys(("bool", "len", "hash", "id", "ord", "isinstance", "hasattr", "type"), ALL),
    **dict.fromkeys(("uuid.UUID", "datetime.datetime.strptime", "ast.literal_eval"), ALL),
    **dict.fromkeys(("datetime.datetime.fromisoformat", "ipaddress.ip_address"), ALL),
    "shlex.quote": frozenset({Danger.COMMAND}),
    **dict.fromkeys(
        (
            "html.escape",
            "markupsafe.escape",
            "flask.escape",
            "cgi.escape",
            "bleach.clean",
            "nh3.clean",
            "django.utils.html.escape",
            "django.utils.html.conditional_escape",
            "django.utils.html.format_html",
            "xml.sax.saxutils.escape",
        ),
        frozenset({Danger.MARKUP}),
    ),
    **dict.fromkeys(("repr", "ascii"), _ONE_LINE),
    "json.dumps": _ONE_LINE | {Danger.MARKUP},
    **dict.fromkeys(("urllib.parse.quote", "urllib.parse.quote_plus"), _QUOTED),
    "urllib.parse.urlencode": _QUOTED,
    "re.escape": frozenset({Danger.REGEX}),
    "glob.escape": frozenset(),
    "str": frozenset({Danger.NOSQL}),
    "os.path.basename": frozenset({Danger.PATH}),
    **dict.fromkeys(
        (
            "werkzeug.utils.secure_filename",
            "werkzeug.secure_filename",
            "werkzeug.utils.safe_join",
            "werkzeug.security.safe_join",
            "flask.safe_join",
            "django.utils._os.safe_join",
            "django.utils.text.get_valid_filename",
        ),
        frozenset({Danger.PATH, Danger.LOG, Danger.HEADER}),
    ),
    **dict.fromkeys(
        ("ldap.filter.escape_filter_chars", "ldap.dn.escape_dn_chars", "ldap.escape_filter_chars"),
        frozenset({Danger.LDAP}),
    ),
    "ldap3.utils.conv.escape_filter_chars": frozenset({Danger.LDAP}),
    "ldap3.utils.dn.escape_rdn": frozenset({Danger.LDAP}),
    **dict.fromkeys(("flask.jsonify", "quart.jsonify"), ALL - {Danger.EXPOSED}),
}
# Numbers: what they say can still be too much.
NUMBERS: Final = frozenset({"int", "float", "round", "abs", "decimal.Decimal"})
# By the last word of a call on the value.
CLEANING_METHODS: Final[dict[str, Dangers]] = {
    **dict.fromkeys(("isdigit", "isalnum", "startswith", "endswith", "count", "find"), ALL),
    **dict.fromkeys(("exists", "is_file", "is_dir", "hexdigest", "digest", "hex"), ALL),
    **dict.fromkeys(("escape_string", "mogrify", "escape_literal"), frozenset({Danger.SQL})),
    "isoformat": ALL,
}
# Their result is as bad as what they are given.
CARRIERS: Final = each_of(
    """
    bytes bytearray format list tuple set dict sorted reversed next iter map filter zip min max
    sum enumerate os.path.join os.path.normpath os.path.abspath os.path.realpath
    os.path.expanduser os.path.dirname os.path.splitext os.fspath os.fsdecode pathlib.Path
    pathlib.PurePath urllib.parse.unquote urllib.parse.unquote_plus urllib.parse.urljoin
    urllib.parse.urlparse urllib.parse.urlsplit urllib.parse.parse_qs base64.b64decode
    base64.b64encode base64.decodebytes base64.urlsafe_b64decode base64.encodebytes
    binascii.unhexlify codecs.decode json.loads json.load io.StringIO io.BytesIO
    StringIO.StringIO copy.copy copy.deepcopy string.Template shlex.split shlex.join
    textwrap.dedent zlib.decompress gzip.decompress email.message_from_string sqlalchemy.text
    sqlalchemy.sql.text sqlalchemy.sql.expression.text urllib.request.Request
    lxml.etree.fromstring lxml.etree.parse xml.etree.ElementTree.fromstring
    xml.etree.ElementTree.parse typing.cast compile asyncio.wait_for asyncio.to_thread
    """
)
PATHS_MADE: Final = frozenset({"os.path.realpath()", "os.path.abspath()", "os.path.normpath()"})


def cleaned_by(name: str, value: Value) -> Value | None:
    """Return what a cleaning function makes of its argument; None where it is no such function."""
    if name in NUMBERS:
        big = value.dangers and value.source is Source.STRANGER
        left = frozenset({Danger.SIZE}) if big else NONE
        return Value(left, value.source if left else Source.NOBODY, said=value.said)
    if name in CLEANERS:
        return value.without(CLEANERS[name])
    return None
