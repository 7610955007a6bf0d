"""The rules: what each is called, how bad it is, which weakness it is, and what to do instead."""

from dataclasses import dataclass
from typing import Final

from grace.ci.findings import Level


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `score` is its `security-severity`, 0 to 10; `help` says what to do instead."""

    id: str
    name: str
    cwe: int
    score: float
    help: str

    @property
    def level(self) -> Level:
        """Return how bad it is by SARIF's levels: an error from 7.0, a note below 4.0."""
        return Level.ERROR if self.score >= 7 else Level.NOTE if self.score < 4 else Level.WARNING  # noqa: PLR2004 - GitHub's steps


_ALL: Final = (
    Rule(
        "GR001",
        "command injection",
        78,
        9.0,
        "Pass a list of arguments without a shell, the program fixed, or quote with shlex.quote.",
    ),
    Rule(
        "GR002",
        "code injection",
        94,
        9.0,
        "Never run input as code: parse it (ast.literal_eval, json) or look it up in a table.",
    ),
    Rule(
        "GR003",
        "SQL injection",
        89,
        8.8,
        "Give values as parameters of the query, and choose names of tables from a fixed list.",
    ),
    Rule(
        "GR004",
        "path traversal",
        22,
        7.5,
        "Resolve the path and check that it lies in the folder meant, or take its base name only.",
    ),
    Rule(
        "GR005",
        "server-side request forgery",
        918,
        8.0,
        "Compare scheme and host with a list of those allowed before anything is fetched.",
    ),
    Rule(
        "GR006",
        "open redirect",
        601,
        6.1,
        "Redirect to paths of this site or to hosts on a list, never to an address as given.",
    ),
    Rule(
        "GR007",
        "cross-site scripting",
        79,
        7.1,
        "Render it in a template that escapes, or pass it through html.escape.",
    ),
    Rule(
        "GR008",
        "input in a response header or cookie",
        113,
        5.3,
        "Choose the value from a list, or refuse line breaks and what else has no place there.",
    ),
    Rule(
        "GR009",
        "log injection",
        117,
        3.5,
        "Log it with line breaks removed or encoded (repr, json.dumps), or as a structured field.",
    ),
    Rule(
        "GR010",
        "LDAP injection",
        90,
        8.0,
        "Escape with ldap.filter.escape_filter_chars and ldap.dn.escape_dn_chars.",
    ),
    Rule(
        "GR011",
        "XPath injection",
        643,
        8.0,
        "Give values as variables: tree.xpath('//a[@id=$id]', id=value).",
    ),
    Rule(
        "GR012",
        "pattern from input",
        1333,
        5.9,
        "Pass input through re.escape; a pattern of a stranger can take for ever.",
    ),
    Rule(
        "GR013",
        "template injection",
        1336,
        9.0,
        "Keep the template fixed and give input as its variables.",
    ),
    Rule(
        "GR014",
        "unsafe deserialisation",
        502,
        8.5,
        "Read data formats that carry no code, such as JSON, or yaml.safe_load.",
    ),
    Rule(
        "GR015",
        "query built from input (NoSQL)",
        943,
        7.5,
        "Turn values into text or numbers first, and give them as values, never as an expression.",
    ),
    Rule(
        "GR016",
        "name of an uploaded file used as a path",
        434,
        7.5,
        "Use werkzeug's secure_filename or a name of your own, and allow listed file types only.",
    ),
    Rule(
        "GR017",
        "internal error shown to the client",
        209,
        4.3,
        "Log the error and answer with a fixed sentence.",
    ),
    Rule(
        "GR018",
        "secret written in clear text",
        312,
        5.5,
        "Leave secrets out of logs, files, cookies and tables, or store a slow salted hash.",
    ),
    Rule(
        "GR019",
        "limit set by input",
        400,
        4.5,
        "Compare sizes and counts with a fixed maximum before work is done for them.",
    ),
    Rule(
        "GR030",
        "XML with external entities",
        611,
        7.0,
        "Use defusedxml, or a parser with resolve_entities=False and no_network=True.",
    ),
    Rule(
        "GR031",
        "archive unpacked without a filter",
        22,
        6.5,
        "Pass filter='data', or check every member's place before it is written.",
    ),
    Rule(
        "GR032",
        "certificate or host not verified",
        295,
        7.4,
        "Use ssl.create_default_context() as it is, and give it to whatever connects.",
    ),
    Rule(
        "GR033",
        "obsolete TLS version",
        327,
        6.5,
        "Demand TLS 1.2 or newer.",
    ),
    Rule(
        "GR034",
        "sent without encryption",
        319,
        4.5,
        "Use the encrypted protocol: https, SMTP after starttls, FTP_TLS, ssh.",
    ),
    Rule(
        "GR035",
        "broken cipher or mode",
        327,
        6.5,
        "Use AES-GCM or ChaCha20-Poly1305.",
    ),
    Rule(
        "GR036",
        "constant initialisation vector",
        329,
        6.5,
        "Draw a new one from os.urandom for every message.",
    ),
    Rule(
        "GR037",
        "key too short",
        326,
        6.5,
        "Use 2048 bits or more for RSA and DSA, 224 or more for curves.",
    ),
    Rule(
        "GR038",
        "password hashed too fast, or without its own salt",
        916,
        6.5,
        "Use argon2, scrypt or bcrypt, with a random salt for each password.",
    ),
    Rule(
        "GR039",
        "predictable random value as a secret",
        330,
        6.5,
        "Draw it with the module secrets.",
    ),
    Rule(
        "GR040",
        "secret in the source",
        798,
        7.0,
        "Read it from the environment or a secret store, and replace the one that is here.",
    ),
    Rule(
        "GR041",
        "cookie without its guards",
        614,
        4.0,
        "Set secure=True and httponly=True.",
    ),
    Rule(
        "GR042",
        "guard against cross-site requests switched off",
        352,
        5.5,
        "Leave it on; for an API, demand a token in a header.",
    ),
    Rule(
        "GR043",
        "every origin allowed with credentials",
        942,
        6.0,
        "List the origins.",
    ),
    Rule(
        "GR044",
        "token not verified",
        347,
        7.5,
        "Verify the signature, with the algorithms that you issue and no others.",
    ),
    Rule(
        "GR045",
        "secrets compared in a time that tells them",
        208,
        4.0,
        "Use hmac.compare_digest.",
    ),
    Rule(
        "GR046",
        "debugging switched on",
        489,
        5.0,
        "Switch it on by the environment of a developer's machine only.",
    ),
    Rule(
        "GR047",
        "temporary file with a name that can be guessed",
        377,
        4.4,
        "Use tempfile.mkstemp, NamedTemporaryFile or TemporaryDirectory.",
    ),
    Rule(
        "GR048",
        "files that everybody may write",
        732,
        5.5,
        "Give rights to the owner only, and widen them where it is needed.",
    ),
    Rule(
        "GR049",
        "checked, then used",
        367,
        3.5,
        "Try the operation and handle its error: what was checked may have changed.",
    ),
    Rule(
        "GR050",
        "pattern that can take for ever",
        1333,
        5.3,
        "Rewrite it so that no repetition holds another that matches the same text.",
    ),
    Rule(
        "GR051",
        "listens on every interface",
        605,
        3.5,
        "Bind to the address that is meant, such as 127.0.0.1, and let a proxy face the world.",
    ),
    Rule(
        "GR052",
        "format taken from input",
        134,
        5.0,
        "Keep the format fixed and give input as its values: one of theirs reads any attribute.",
    ),
    Rule(
        "GR053",
        "fields chosen by input",
        915,
        6.5,
        "Name the fields that may be set; input as ** or as a name sets any of them.",
    ),
)
RULES: Final = {rule.id: rule for rule in _ALL}
