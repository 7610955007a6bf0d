"""Secrets are seen, and ordinary code passes. No real secret stands here: each is put together."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grace.adapters.secrets import MAX_FOUND, secret_scan
from grace.domain.leaks import SecretFound, refusal

ROOT = Path(__file__).parents[2]
BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
BEGIN = "-----BEGIN " + "PRIVATE KEY-----"
LETTERS = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
HEX = "8c6f0e1d2b3a49586776a5b4c3d2e1f0"

SECRETS = {
    "key of an App": (f"{BEGIN}\n{BODY}\n-----END", 1),
    "key with headers": (
        f"x = 1\n-----BEGIN RSA {BEGIN[11:]}\nProc-Type: 4,ENCRYPTED\n\n{BODY}",
        2,
    ),
    "key in one string": (f'KEY = "{BEGIN}\\n{BODY}\\n"', 1),
    "key of OpenSSH": (f"-----BEGIN OPENSSH {BEGIN[11:]}\n{BODY}", 1),
    "token of a person": ("t = 'gh" + f"p_{LETTERS}'", 1),
    "token of an installation": ("curl -H 'Authorization: gh" + f"s_{LETTERS}'", 1),
    "fine-grained token": ("github_" + f"pat_11ABCDEFG0{LETTERS}_{LETTERS}", 1),
    "token of GitLab": ("glpat" + f"-{LETTERS[:20]}", 1),
    "id of AWS": ("id: AKIA" + "Q3EGRZ7TQ2LK5B6W", 1),
    "key of AWS": (f'aws_secret_key = "{LETTERS}abcd"', 1),
    "webhook of Slack": ("https://hooks.slack.com/" + "services/T0A1B2C3D/B0A1B2C3D/aBcD1234", 1),
    "token of npm": ("//registry.npmjs.org/:_auth" + "Token=npm_abcdefghij", 1),
    "password in an address": ("DB = 'postgres://ada:" + "s3cr3tPw@db.mesh.internal/x'", 1),
    "our webhook's secret": ("export GRACE_WEBHOOK_SECRET=" + "correct-horse", 1),
    "our ledger's key": (f"GRACE_SIGNING_KEY: {LETTERS}8s=", 1),
    "our token": ("curl -H 'X: grace" + f"_{LETTERS}abcdefg'", 1),
    "our session key": (f"GRACE_SESSION_KEY={LETTERS}", 1),
    "named value": (f'api_key = "{HEX}"', 1),
    "named value in JSON": (f'  "client_secret": "{LETTERS}",', 1),
    "allowed by its own comment": (f'api_key = "{HEX}"  # pragma: allowlist secret', 1),
    "at the end of a long line": ("x" * 9000 + " gh" + f"p_{LETTERS}", 1),
}

ORDINARY = {
    "a digest": f'assert digest == "sha256:{HEX}{HEX}"',
    "a digest by name": f'token_hash = "{HEX}{HEX}"',
    "a lock file": f"    --hash=sha256:{HEX}{HEX} \\",
    "npm's lock file": f'"integrity": "sha512-{LETTERS}{LETTERS}{LETTERS}{LETTERS}=="',
    "a UUID": 'token = "6f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9"',
    "an image": "![x](data:image/png;base64," + BODY * 60 + ")",
    "a pinned action": f"uses: actions/checkout@{HEX}{HEX[:8]} # v5",
    "a call": "password = settings.password.get_secret_value()",
    "a short word": 'client.login("ada", password="hunter2")',
    "a long word": 'secret_name = "the-name-of-our-secret-in-the-vault"',
    "a template": 'token: "${{ secrets.GITHUB_TOKEN_FOR_V1234567 }}"',
    "an example": "postgres://user:password@localhost:5432/mesh",
    "a service in compose": "DB_URL=postgres://mesh:mesh@db/mesh",
    "an address with a variable": 'f"https://x:{token}@github.com/octo/mesh"',
    "a constant": f'if "{BEGIN}" in text:\n    raise ValueError(text)',
    "a setting by variable": "GRACE_WEBHOOK_SECRET=$WEBHOOK_SECRET",
    "a long name of ours": "grace_" + "a_name" * 8,
    "a class name": 'cache = "APEndpoint0Cache"',
    "an address": 'listen = "203.0.113.9:8080"',
    "a test's id": 'must_pass = ["tests.unit.test_token.test_a2b3c4d5e6f7"]',
}


def diff_of(text: str, path: str = "src/app.py") -> bytes:
    lines = text.split("\n")
    head = f"diff --git a/{path} b/{path}\n--- /dev/null\n+++ b/{path}\n"
    body = "".join(f"+{line}\n" for line in lines)
    return f"{head}@@ -0,0 +1,{len(lines)} @@\n{body}".encode()


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_found_where_it_is(name):
    text, line = SECRETS[name]
    (found,) = secret_scan()(diff_of(text))
    assert (found.path, found.line) == ("src/app.py", line)
    assert found.kind
    assert not any(part in str(found) for part in (LETTERS, HEX, BODY, "correct", "s3cr3t"))


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_code_is_no_secret(name):
    assert secret_scan()(diff_of(ORDINARY[name])) == ()


def test_the_project_s_own_code_would_pass():
    scan = secret_scan()
    files = [*(ROOT / "bot").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    found = {
        str(secret)
        for file in files
        for secret in scan(diff_of(file.read_text("utf-8"), file.name))
    }
    assert found == set()


def test_a_refusal_names_places_and_the_way_out():
    found = [SecretFound(path="a.py", line=n, kind="GitHub Token") for n in range(1, 6)]
    assert refusal(found) == (
        "The patch adds what looks like a secret: a.py:1 (GitHub Token), a.py:2 (GitHub Token), "
        "a.py:3 (GitHub Token) and 2 more. Revoke it if it is real, read it from the environment "
        "instead, and offer the patch again."
    )
    assert "more" not in refusal(found[:3])


def test_only_added_lines_count_and_hunks_are_counted():
    secret = "gh" + f"p_{LETTERS}"
    diff = (
        "diff --git a/a b/a\n--- a/a\n+++ b/a\n"
        f"@@ -1,3 +10,3 @@\n {secret}\n-{secret}\n++++ b/{secret}\n \n\\ No newline at end of file\n"
        'diff --git "a/\\303\\251\\"" "b/\\303\\251\\""\n--- /dev/null\n+++ "b/\\303\\251\\""\n'
        f"@@ -0,0 +1 @@\n+{secret}\n"
    )
    assert [(s.path, s.line) for s in secret_scan()(diff.encode())] == [("a", 11), ('é"', 1)]


def test_a_body_in_another_file_makes_no_key():
    other = diff_of(BODY, "b.txt")
    assert secret_scan()(diff_of(BEGIN) + other) == ()


def test_what_is_found_and_the_time_are_bounded():
    secret = "gh" + f"p_{LETTERS}"
    scan = secret_scan()
    assert len(scan(diff_of("\n".join([secret] * 500)))) == MAX_FOUND
    began = time.process_time()
    for hostile in ("eyJ" * 60_000, "a" * 190_000, "aws key " * 25_000, "://a:" * 40_000):
        scan(diff_of(hostile))
    assert time.process_time() - began < 8


def test_two_scans_at_once_do_not_disturb_each_other():
    scan = secret_scan()
    secret, plain = SECRETS["token of a person"][0], ORDINARY["a digest"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(scan, [diff_of(secret), diff_of(plain)] * 50))
    assert [len(answer) for answer in answers] == [1, 0] * 50
