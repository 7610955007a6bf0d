"""Keys, passwords and random values: how they are made, kept, hashed and told."""

import ast
import re
from collections.abc import Callable
from typing import Final

from grace.ci.rules import words
from grace.ci.rules.places import Call
from grace.ci.rules.values import Value

Tell = Callable[[str, str], None]
_MIN_KEY: Final = 2048
_MIN_ROUNDS: Final = 10_000
_BROKEN: Final = frozenset({"DES", "DES3", "ARC2", "ARC4", "Blowfish", "CAST", "XOR"})
_BROKEN_ALGORITHMS: Final = frozenset(
    {"ARC4", "Blowfish", "CAST5", "IDEA", "SEED", "TripleDES", "DES"}
)
_FAST: Final = re.compile(
    r"hashlib\.(md5|sha1|sha224|sha256|sha384|sha512|new|blake2[bs]|sha3_\d+)"
)
_PRINTS: Final = frozenset({"print", "logging.info", "logging.debug", "sys.stdout.write"})
_LOGGERS: Final = re.compile(
    r"(^|\.)(logging|logger|log|_logger|getLogger\(\))\.(debug|info|warning|warn|error|critical|exception)$"
)
_RANDOM: Final = re.compile(
    r"(random|numpy\.random)\.(random|randint|randrange|choice|choices|sample|getrandbits|"
    r"uniform|shuffle|randbytes|rand)|random\.Random\(\)\.\w+"
)
# By dotted name: which argument is a key or password that has no place in the source.
_KEYS: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "jwt.encode": (1, ("key",)),
    "jwt.decode": (1, ("key",)),
    "jose.jwt.encode": (1, ("key",)),
    "jose.jwt.decode": (1, ("key",)),
    "hmac.new": (0, ("key",)),
    "cryptography.fernet.Fernet": (0, ("key",)),
    "itsdangerous.URLSafeTimedSerializer": (0, ("secret_key",)),
    "itsdangerous.URLSafeSerializer": (0, ("secret_key",)),
    "itsdangerous.TimestampSigner": (0, ("secret_key",)),
    "Crypto.Cipher.AES.new": (0, ("key",)),
    "cryptography.hazmat.primitives.ciphers.algorithms.AES": (0, ("key",)),
    "requests.auth.HTTPBasicAuth": (1, ("password",)),
    "smtplib.SMTP().login": (1, ("password",)),
    "smtplib.SMTP_SSL().login": (1, ("password",)),
    "ftplib.FTP().login": (1, ("passwd",)),
}
_KEYWORDS: Final = re.compile(
    r"^(passw(or)?d|passwd|pwd|secret(_key)?|api_?key|access_?token|auth_?token|"
    r"aws_secret_access_key|aws_access_key_id|client_secret|private_key)$"
)


def check(call: Call) -> None:
    """Tell where a call keeps, makes or tells a secret badly."""

    def tell(rule: str, what: str) -> None:
        call.place.told(rule, call.node, what)

    for family in (_ciphers, _key_sizes, _hashes, _written_in, _shown, _stored):
        family(call, tell)


def _ciphers(call: Call, tell: Tell) -> None:
    parts = call.name.split(".")
    if call.name.startswith("Crypto.Cipher.") and call.last == "new" and parts[-2] in _BROKEN:
        tell("GR035", f"{parts[-2]} is broken")
    if ".ciphers.algorithms." in call.name and call.last in _BROKEN_ALGORITHMS:
        tell("GR035", f"{call.last} is broken")
    if call.name.endswith(".modes.ECB") or any(v.name.endswith(".MODE_ECB") for v in call.args):
        tell("GR035", "ECB shows which blocks are the same")
    if call.name.startswith("Crypto.Cipher.") and call.last == "new":
        vector = call.given(2, "iv", "IV", "nonce")
        if vector and _constant(vector):
            tell("GR036", "the vector is the same for every message")
    if re.search(r"\.modes\.(CBC|CFB|OFB|CTR|GCM|CFB8)$", call.name):
        vector = call.given(0, "initialization_vector", "nonce")
        if vector and _constant(vector):
            tell("GR036", "the vector is the same for every message")


def _constant(value: Value) -> bool:
    """Tell whether bytes are made of literals: a literal itself, or times a size."""
    return value.fixed and (value.text is not None or value.literal is not ...)


def _key_sizes(call: Call, tell: Tell) -> None:
    if re.fullmatch(r"Crypto\.PublicKey\.(RSA|DSA)\.generate|rsa\.newkeys", call.name):
        size = call.given(0, "bits", "nbits")
    elif re.search(r"\.asymmetric\.(rsa|dsa)\.generate_private_key$", call.name):
        size = call.keywords.get("key_size") or call.given(0 if ".dsa." in call.name else 1)
    elif call.name.endswith(".generate_key") and len(call.args) > 1:
        size = call.args[1]
    else:
        curve = call.last if ".asymmetric.ec." in call.name else ""
        if re.fullmatch(r"SEC[PT]1\d\d[KR]1", curve):
            tell("GR037", f"{curve} is too small a curve")
        return
    if size and isinstance(size.literal, int) and size.literal < _MIN_KEY:
        tell("GR037", f"{size.literal} bits can be broken")


def _hashes(call: Call, tell: Tell) -> None:
    given = [*call.node.args, *(k.value for k in call.node.keywords)]
    if _FAST.fullmatch(call.name) and any(words.about_password(each) for each in given):
        tell("GR038", f"{call.name} is made to be fast")
    fed = call.last == "update" and _FAST.match(call.receiver.name)
    if fed and any(words.about_password(each) for each in given):
        tell("GR038", f"{call.receiver.name.removesuffix('()')} is made to be fast")
    if call.name in {"hashlib.pbkdf2_hmac", "hashlib.scrypt"}:
        salt = call.keywords.get("salt") or (call.given(2) if "pbkdf2" in call.name else None)
        if salt and _constant(salt):
            tell("GR038", "every password gets the same salt")
        rounds = call.given(3, "iterations") if "pbkdf2" in call.name else None
        if rounds and isinstance(rounds.literal, int) and rounds.literal < _MIN_ROUNDS:
            tell("GR038", f"{rounds.literal} rounds are too few")


def _written_in(call: Call, tell: Tell) -> None:
    known = _KEYS.get(call.name)
    value = call.given(known[0], *known[1]) if known else None
    if value and value.fixed and value.text and not words.placeholder(value.text):
        tell("GR040", f"a key is written into the call of {call.name}")
        return
    for keyword, given in call.keywords.items():
        text = given.text
        plain = given.fixed and text and not re.search(r"[\s\\\[(]", text)
        if _KEYWORDS.match(keyword) and plain and text and not words.placeholder(text):
            tell("GR040", f"{keyword} is written into the call")
            return
        if keyword == "auth" and given.fixed and given.name == "[]":
            tell("GR040", "name and password are written into the call")
            return
    for value in call.args:
        if (
            value.fixed
            and value.text
            and re.match(r"\w+(\+\w+)?://[^:/\s]+:[^@/\s{}]+@", value.text)
        ):
            tell("GR040", "a password is written into an address")
            return


def drawn(name: str, call_name: str) -> str:
    """Say what is wrong with drawing a value of this name so; empty where nothing is."""
    if call_name == "uuid.uuid1" and words.DRAWN.search(name):
        return f"{name}: a UUID of version 1 tells time and machine"
    if _RANDOM.fullmatch(call_name) and words.DRAWN.search(name):
        return f"{name} comes from {call_name}, which can be foretold"
    return ""


def _shown(call: Call, tell: Tell) -> None:
    told = call.name in _PRINTS or _LOGGERS.search(call.name) is not None
    if told or call.last == "set_cookie":
        start = 1 if call.last == "set_cookie" else 0
        for node in call.node.args[start:]:
            name = words.secret_in(node)
            if name and not _hashed(node):
                tell("GR018", f"{name} is shown as it is")
                return


def _stored(call: Call, tell: Tell) -> None:
    """A password that goes into a table or a file as it was typed."""
    statement = call.given(0)
    if call.last in {"execute", "executemany"} and statement and len(call.node.args) > 1:
        writes = re.match(r"\s*(insert|update)\b", statement.text or "", re.IGNORECASE)
        name = words.secret_in(call.node.args[1])
        if writes and name and words.PASSWORD.search(name):
            tell("GR018", f"{name} is stored as it was typed")
    opened = call.receiver.name == "open()"
    if call.last in {"write", "writelines"} and opened and call.node.args:
        name = words.secret_in(call.node.args[0])
        if name and not _hashed(call.node.args[0]):
            tell("GR018", f"{name} is written to a file as it is")


def _hashed(node: ast.expr) -> bool:
    return any(
        isinstance(each, ast.Call)
        and re.search(r"hash|encrypt|mask|redact|len|bool", ast.unparse(each.func))
        for each in ast.walk(node)
    )
