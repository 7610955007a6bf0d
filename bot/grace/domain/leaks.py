"""Secrets in a patch: where one was seen, and what a person is told; never the secret itself."""

from collections.abc import Callable, Sequence

from grace.domain.base import Frozen

MAX_SHOWN = 3


class SecretFound(Frozen):
    """A line that a patch adds and that looks like a secret; `line` counts from 1 in the result."""

    path: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} ({self.kind})"


SecretScan = Callable[[bytes], Sequence[SecretFound]]
"""Look at the added lines of a unified diff. It may take a second: call it in a thread."""


def refusal(found: Sequence[SecretFound]) -> str:
    """Say why a patch with secrets is not pushed, and the way out; `found` is not empty."""
    shown = ", ".join(str(secret) for secret in found[:MAX_SHOWN])
    more = f" and {len(found) - MAX_SHOWN} more" if len(found) > MAX_SHOWN else ""
    return (
        f"The patch adds what looks like a secret: {shown}{more}. "
        "Revoke it if it is real, read it from the environment instead, and offer the patch again."
    )
