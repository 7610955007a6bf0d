"""What names say: that a value is a password, a secret or a token."""

import ast
import math
import re
from collections import Counter
from typing import Final

PASSWORD: Final = re.compile(r"passw(or)?d|passwd|passphrase|(^|_)(pw|pwd|pin)($|_)", re.IGNORECASE)
SECRET: Final = re.compile(
    r"passw(or)?d|passphrase|secret|(^|_)(pwd|token|otp|ssn|cvv)($|_)|"
    r"(api|access|private|auth|encryption|signing)_?key|credit_?card|card_?number|credential",
    re.IGNORECASE,
)
# What names a secret when it is drawn at random.
DRAWN: Final = re.compile(
    r"passw(or)?d|secret|token|session|otp|nonce|salt|csrf|captcha|api_?key|verification|"
    r"reset|(^|_)(key|iv|sid|pin|code)($|_)|key$|iv$",
    re.IGNORECASE,
)
# Names that only speak about a secret.
_ABOUT: Final = re.compile(
    r"hash|digest|encrypt|length|len|count|url|path|file|field|label|name|id$|type|policy|error|"
    r"valid|reset_?link|masked|redacted|public|expir|form|prompt|hint|age$",
    re.IGNORECASE,
)
_PLACEHOLDER: Final = re.compile(
    r"^$|^(x+|\*+|\.+|-+)$|change|example|your|dummy|placeholder|test|todo|none|null|<.*>|\$\{|%\(|\{",
    re.IGNORECASE,
)
_WORDY: Final = re.compile(r"[\s/:\[\](){}|\\^*?<>]")


def secret_in(node: ast.expr) -> str:
    """Return the first variable below an expression whose name says that it holds a secret."""
    for each in ast.walk(node):
        match each:
            case ast.Call():
                continue
            case ast.Name(id=name) | ast.Attribute(attr=name):
                if SECRET.search(name) and not _ABOUT.search(name):
                    return name
            case ast.Subscript(slice=ast.Constant(value=str(name))):
                if SECRET.search(name) and not _ABOUT.search(name):
                    return name
    return ""


def about_password(node: ast.expr) -> bool:
    """Tell whether an expression speaks of a password, by any name in it."""
    for each in ast.walk(node):
        match each:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                if PASSWORD.search(name):
                    return True
            case ast.Constant(value=str(text)) if PASSWORD.search(text) and len(text) < 20:  # noqa: PLR2004 - a key, no prose
                return True
    return False


def random_looking(text: str) -> bool:
    """Tell whether text looks like a drawn secret: long, unbroken, of many kinds of characters."""
    if len(text) < 20 or _WORDY.search(text) or placeholder(text):  # noqa: PLR2004 - shorter are words
        return False
    counts = Counter(text)
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
    letters = any(c.islower() for c in text) or any(c.isupper() for c in text)
    return entropy > 3.5 and letters and any(c.isdigit() for c in text)  # noqa: PLR2004 - bits a character; words have fewer


def placeholder(text: str) -> bool:
    """Tell whether a literal stands in for a secret."""
    return _PLACEHOLDER.search(text) is not None
