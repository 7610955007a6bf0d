"""Where harm is done: calls that run, query, open, fetch, answer or log what they are given."""

import re
from dataclasses import dataclass
from typing import Final

from grace.ci.rules.expressions import value_of
from grace.ci.rules.places import Call, told_of
from grace.ci.rules.values import Danger, Source, Value, each_of


@dataclass(frozen=True, slots=True)
class Sink:
    """One kind of harm. `at` and `keywords` say which arguments; none at all: every one."""

    rule: str
    danger: Danger
    at: tuple[int, ...] = (0,)
    keywords: tuple[str, ...] = ()


def _sinks(rule: str, danger: Danger, names: str, *at: int, by: str = "") -> dict[str, Sink]:
    sink = Sink(rule, danger, at or (0,), tuple(by.split()))
    return dict.fromkeys(names.split(), sink)


_SQL = re.compile(
    r"\s*(select|insert|update|delete|create|drop|alter|replace|with|merge|grant)\b", re.IGNORECASE
)

# By dotted name.
EXACT: Final[dict[str, Sink]] = {
    **_sinks(
        "GR001",
        Danger.COMMAND,
        "os.system os.popen os.execl os.execv os.execvp os.spawnl os.startfile "
        "subprocess.getoutput subprocess.getstatusoutput asyncio.create_subprocess_shell pty.spawn "
        "commands.getoutput pexpect.spawn pexpect.run",
        by="cmd command",
    ),
    **_sinks(
        "GR002",
        Danger.CODE,
        "eval exec compile __import__ importlib.import_module code.interact runpy.run_path "
        "timeit.timeit",
    ),
    **_sinks("GR002", Danger.CODE, "getattr", 1),
    **_sinks("GR053", Danger.CODE, "setattr", 1),
    **_sinks(
        "GR004",
        Danger.PATH,
        "open io.open codecs.open os.open os.remove os.unlink os.rmdir os.removedirs os.mkdir "
        "os.makedirs os.listdir os.scandir os.chmod os.chown os.truncate os.walk os.stat "
        "shutil.rmtree zipfile.ZipFile tarfile.open gzip.open bz2.open lzma.open aiofiles.open "
        "flask.send_file quart.send_file fastapi.responses.FileResponse "
        "starlette.responses.FileResponse aiohttp.web.FileResponse bottle.static_file "
        "django.http.FileResponse sqlite3.connect linecache.getline numpy.load pandas.read_csv",
        by="file path filename path_or_file",
    ),
    **_sinks(
        "GR004",
        Danger.PATH,
        "os.rename os.replace os.symlink os.link shutil.copy shutil.copyfile shutil.copy2 "
        "shutil.move shutil.copytree",
        0,
        1,
    ),
    **_sinks("GR004", Danger.PATH, "flask.send_from_directory", 0, by="directory"),
    **_sinks("GR004", Danger.PATH, "shutil.unpack_archive", 0, 1),
    **_sinks(
        "GR005",
        Danger.FETCH,
        "urllib.request.urlopen urllib.request.urlretrieve urllib2.urlopen urllib.urlopen "
        "requests.get requests.post requests.put requests.delete requests.head requests.patch "
        "requests.options httpx.get httpx.post httpx.put httpx.delete httpx.head httpx.stream "
        "http.client.HTTPConnection http.client.HTTPSConnection websockets.connect wget.download "
        "socket.create_connection pycurl.Curl().setopt",
        by="url",
    ),
    **_sinks(
        "GR005",
        Danger.FETCH,
        "requests.request httpx.request requests.Session().request urllib3.request",
        1,
        by="url",
    ),
    **_sinks(
        "GR006",
        Danger.REDIRECT,
        "flask.redirect quart.redirect bottle.redirect django.shortcuts.redirect "
        "django.http.HttpResponseRedirect django.http.HttpResponsePermanentRedirect "
        "fastapi.responses.RedirectResponse starlette.responses.RedirectResponse "
        "aiohttp.web.HTTPFound aiohttp.web.HTTPSeeOther werkzeug.utils.redirect "
        "sanic.response.redirect aiohttp.web.HTTPTemporaryRedirect "
        "aiohttp.web.HTTPPermanentRedirect",
        by="location url redirect_to",
    ),
    **_sinks(
        "GR007",
        Danger.MARKUP,
        "markupsafe.Markup flask.Markup django.utils.safestring.mark_safe "
        "django.utils.safestring.SafeString fastapi.responses.HTMLResponse "
        "starlette.responses.HTMLResponse sanic.response.html",
        by="content body",
    ),
    **_sinks(
        "GR013",
        Danger.TEMPLATE,
        "flask.render_template_string jinja2.Template mako.template.Template "
        "django.template.Template jinja2.Environment().from_string "
        "quart.render_template_string tornado.template.Template",
        by="source template_string",
    ),
    **_sinks(
        "GR012",
        Danger.REGEX,
        "re.compile re.search re.match re.fullmatch re.findall re.finditer re.split re.sub re.subn "
        "regex.compile regex.search regex.match",
        by="pattern",
    ),
    **_sinks(
        "GR014",
        Danger.OBJECT,
        "pickle.loads pickle.load pickle.Unpickler marshal.loads marshal.load dill.loads dill.load "
        "shelve.open jsonpickle.decode yaml.load yaml.load_all yaml.unsafe_load yaml.full_load "
        "joblib.load torch.load pandas.read_pickle",
        by="data s stream",
    ),
    **_sinks(
        "GR030",
        Danger.XML,
        "xml.etree.ElementTree.fromstring xml.etree.ElementTree.parse xml.dom.minidom.parseString "
        "xml.dom.minidom.parse xml.dom.pulldom.parseString xml.sax.parseString xml.sax.parse",
    ),
    **_sinks("GR019", Danger.SIZE, "range time.sleep bytearray"),
}
# By a method's name, on whatever it is called.
METHODS: Final[dict[str, Sink]] = {
    **_sinks("GR001", Danger.COMMAND, "exec_command", by="command"),
    **_sinks(
        "GR003",
        Danger.SQL,
        "execute executemany executescript execute_sql raw extra RawSQL read_sql read_sql_query "
        "execute_query fetchrow fetchval from_statement",
        by="sql query statement operation where",
    ),
    **_sinks("GR004", Danger.PATH, "save", by="dst filename"),
    **_sinks(
        "GR010",
        Danger.LDAP,
        "search_s search_st search_ext search_ext_s",
        0,
        2,
        by="base filterstr",
    ),
    **_sinks("GR011", Danger.XPATH, "xpath XPath findtext iterfind", by="path"),
    **_sinks("GR006", Danger.REDIRECT, "redirect HttpResponseRedirect", by="url location"),
}
# Who runs a program may say which program, module or attribute it is to use.
_OWN_CHOICE: Final = each_of(
    """
    getattr setattr __import__ importlib.import_module runpy.run_path pty.spawn pexpect.spawn
    os.execl os.execv os.execvp os.spawnl os.startfile exec_command
    """
)
_PATH_METHODS: Final = each_of(
    """
    read_text read_bytes write_text write_bytes unlink rmdir mkdir open iterdir touch rename
    """
)
_RUNS: Final = frozenset(
    f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen")
)
_LEVELS: Final = frozenset(
    {"debug", "info", "warning", "warn", "error", "critical", "exception", "log"}
)
_LOGS: Final = re.compile(
    r"(^|\.)(logging|logger|log|_logger|_log|getLogger\(\))\.\w+$", re.IGNORECASE
)
_MONGO: Final = each_of(
    """
    find find_one update_one update_many delete_one delete_many find_one_and_update replace_one
    count_documents aggregate
    """
)
_EXPRESSIONS: Final = (
    "FilterExpression",
    "KeyConditionExpression",
    "ConditionExpression",
    "ProjectionExpression",
)


def check(call: Call) -> None:
    """Tell where an argument can do the harm that this call makes possible."""
    sink = EXACT.get(call.name)
    if sink is None and call.receiver.name:
        sink = METHODS.get(call.last)
    if sink is not None:
        for value in _at(call, sink):
            if _harmful(value, sink.danger, call):
                _tell(call, sink.rule, value)
                break
    _runs(call)
    _paths(call)
    _logs(call)
    _queries(call)
    _fetches(call)
    _chosen(call)


def _at(call: Call, sink: Sink) -> list[Value]:
    values = [call.args[at] for at in sink.at if 0 <= at < len(call.args)]
    return values + [call.keywords[k] for k in sink.keywords if k in call.keywords]


def _harmful(value: Value, danger: Danger, call: Call) -> bool:
    if danger not in value.dangers:
        return False
    if value.source is not Source.CALLER:
        local = value.source is Source.OPERATOR and call.name in _OWN_CHOICE
        return not local and (call.last != "extra" or value.built)
    if danger is Danger.SQL:
        return value.built and _SQL.match(value.text or "") is not None
    return value.built


def _tell(call: Call, rule: str, value: Value, where: str = "") -> None:
    if rule == "GR004" and value.upload:
        rule = "GR016"
    said = told_of(value, where or call.name.removesuffix("()"))
    call.place.told(rule, call.node, said, local=value.source is Source.OPERATOR)


def _runs(call: Call) -> None:
    """A process: dangerous with a shell, and where input names the program."""
    if call.name not in _RUNS:
        return
    shell = call.keywords.get("shell")
    first = call.given(0, "args")
    if first is None:
        return
    given = call.node_of(0, "args")
    shelled = shell is not None and shell.literal is not False
    if not shelled:
        elements = getattr(given, "elts", None)
        if elements:
            first = value_of(call.place, elements[0])
    asked = (Source.OPERATOR, Source.STRANGER) if shelled else (Source.STRANGER,)
    if Danger.COMMAND in first.dangers and first.source in asked:
        _tell(call, "GR001", first)


def _paths(call: Call) -> None:
    made = call.receiver
    path = call.last in _PATH_METHODS and made.name.startswith(("pathlib.", "os.path."))
    if path and Danger.PATH in made.dangers and made.source is Source.STRANGER:
        _tell(call, "GR004", made)


def _logs(call: Call) -> None:
    if call.last not in _LEVELS or not _LOGS.search(call.name):
        return
    for value in (*call.args, *call.keywords.values()):
        if Danger.LOG in value.dangers and value.source is Source.STRANGER:
            _tell(call, "GR009", value)
            return


def _queries(call: Call) -> None:
    """Queries that are no text: a document of input can hold operators of the database."""
    if call.last in _MONGO and call.receiver.name and call.args:
        value = call.args[0]
        from_json = "json" in value.said or "loads" in value.name
        if Danger.NOSQL in value.dangers and value.source is Source.STRANGER and from_json:
            _tell(call, "GR015", value)
    for name in _EXPRESSIONS:
        value = call.keywords.get(name, Value())
        if Danger.NOSQL in value.dangers and value.built:
            _tell(call, "GR015", value)


def _fetches(call: Call) -> None:
    """Clients that were made before: `session.get(url)`."""
    clients = (
        "requests.Session()",
        "httpx.Client()",
        "httpx.AsyncClient()",
        "aiohttp.ClientSession()",
    )
    if call.receiver.name in clients and call.last in {"get", "post", "put", "delete", "head"}:
        value = call.given(0, "url")
        if value and Danger.FETCH in value.dangers and value.source is Source.STRANGER:
            _tell(call, "GR005", value)


def _chosen(call: Call) -> None:
    """Input that says what is read or set: as a format, or as the names of fields."""
    form = call.receiver
    formats = call.last == "format" and (call.args or call.keywords) and not form.built
    if formats and Danger.TEMPLATE in form.dangers and form.source is Source.STRANGER:
        call.place.told("GR052", call.node, told_of(form, "the format"))
    fields = call.keywords.get("**")
    makes = call.last[:1].isupper() or call.last in {"create", "update", "update_or_create"}
    if fields and makes and Danger.CODE in fields.dangers and fields.source is Source.STRANGER:
        call.place.told("GR053", call.node, told_of(fields, f"the fields of {call.last}"))
