"""What must be true of the bot's own machine: keys, secret, ledger."""

import asyncio
import stat
from pathlib import Path
from typing import Final

from grace.adapters.keys import Ed25519Key, KeyMaterialError, PublicKeys
from grace.adapters.sqlite.errors import StoreError
from grace.adapters.sqlite.reader import StoreReader
from grace.domain.audit import verify_store_lines
from grace.setup.findings import Finding, fail, good, warn

_SHORT_SECRET: Final = 20
_OTHERS: Final = 0o077
_ALL: Final = 1 << 40


def check_key_file(path: Path | None) -> Finding:
    """The App's private key is readable by its owner alone; None: it is in the environment."""
    name = "App key"
    if path is None:
        return good(name, "given by the environment")
    try:
        status = path.stat()
    except OSError as error:
        return fail(name, f"{path}: {error.strerror}", "name the right file in app_key_file")
    if not stat.S_ISREG(status.st_mode):
        return fail(name, f"{path} is not a file", "name the right file in app_key_file")
    if status.st_mode & _OTHERS:
        mend = f"run chmod 600 {path}; make a new key if somebody may have read it"
        return fail(name, f"{path} can be read by others than its owner", mend)
    return good(name, f"{path}, for its owner alone")


def check_secret(secret: str | None) -> Finding:
    """The webhook's secret is not one that can be guessed; None: the bot polls."""
    name = "webhook secret"
    if secret is None:
        return good(name, "none: the bot polls, and takes no webhooks")
    if len(secret) < _SHORT_SECRET or len(set(secret)) < _SHORT_SECRET // 3:
        mend = "make a long random one and set it here and in the App's settings"
        return warn(name, f"{len(secret)} characters that can be guessed", mend)
    return good(name, "set")


def check_ledger_key(text: str | None, path: Path) -> tuple[Finding, Ed25519Key | None]:
    """The ledger's key is there; `text` is the environment's and wins over the file."""
    name = "ledger key"
    try:
        if text is not None:
            key = Ed25519Key.parse(text, "GRACE_SIGNING_KEY")
        elif path.exists():
            key = Ed25519Key.load(path)
        else:
            mend = "`grace serve` makes it at the first start; keep a copy where the bot is not"
            return warn(name, f"{path} is not there yet", mend), None
    except KeyMaterialError as error:
        return fail(
            name, str(error), "bring the key back; without it the ledger cannot go on"
        ), None
    return good(name, key.key_id), key


async def check_ledger(database: Path, key: Ed25519Key | None) -> list[Finding]:
    """Every log of the store verifies with our key."""
    name = "ledger"
    if not await asyncio.to_thread(database.exists):
        return [good(name, "no store yet")]
    if key is None:
        return [fail(name, "there is a store, and no key that signed it", "bring the key back")]
    keys = PublicKeys(key.public)
    try:
        reader = await StoreReader.look(database)
        try:
            logs = {log: await reader.lines(log, 0, _ALL) for log in await reader.logs()}
        finally:
            await reader.close()
    except StoreError as error:
        return [fail(name, str(error), "stop the bot and restore the store from its backup")]
    findings = []
    for log, lines in logs.items():
        report = verify_store_lines(lines, keys)
        if report.ok:
            findings.append(good(f"{name} {log}", f"{report.entries} entries verify"))
        else:
            mend = "run `grace audit verify`; compare with the published branch grace-ledger"
            findings.append(fail(f"{name} {log}", report.lines()[-1], mend))
    return findings or [good(name, "empty")]
