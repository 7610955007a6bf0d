"""The forge as an OpenID Connect issuer for workflow jobs."""

import json
import os
import uuid
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from grace.localforge.core import Core, Json
from grace.localforge.db import Row
from grace.localforge.shapes.runs import workflow_ref

LIFETIME: Final = 300
KEY_ID: Final = "localforge-1"
SERVICE: Final = "/_services/token"


class OidcIssuer:
    """Signs job identities with a key kept in the data folder, readable by its owner alone."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._loaded: rsa.RSAPrivateKey | None = None

    @property
    def _key(self) -> rsa.RSAPrivateKey:
        """Load the key at its first use, and make it at the very first."""
        if self._loaded is None:
            self._loaded = _load_or_create(self._core.config.data / "oidc_key.pem")
        return self._loaded

    @property
    def issuer(self) -> str:
        return f"{self._core.url}{SERVICE}"

    def discovery(self) -> Json:
        """Return the discovery document."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/.well-known/jwks",
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
            "claims_supported": ["sub", "aud", "exp", "iat", "iss", "jti", "repository", "sha"],
        }

    def jwks(self) -> Json:
        """Return the public keys."""
        key: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        chosen = {name: key[name] for name in ("kty", "n", "e")}
        return {"keys": [{**chosen, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]}

    def token(self, run: Row, audience: str) -> str:
        """Return a signed token that says which run, of which workflow and commit, asks."""
        now = int(self._core.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": audience,
            "iat": now,
            "nbf": now - 10,
            "exp": now + LIFETIME,
            "jti": str(uuid.uuid4()),
            **_run_claims(self._core, run),
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})


def _run_claims(core: Core, run: Row) -> Json:
    repo = core.db.get("repositories", run["repository_id"])
    workflow = core.db.get("workflows", run["workflow_id"])
    name, pull = f"{repo['owner']}/{repo['name']}", None
    if run["pull_number"] is not None:
        pull = core.db.one(
            "SELECT * FROM pulls WHERE repository_id=? AND number=?",
            repo["id"],
            run["pull_number"],
        )
    path = workflow_ref(repo, run, workflow["path"])
    subject = "pull_request" if run["event"] == "pull_request" else f"ref:{run['ref']}"
    return {
        "sub": f"repo:{name}:{subject}",
        "repository": name,
        "repository_id": str(repo["id"]),
        "repository_owner": repo["owner"],
        "repository_owner_id": str(repo["owner_id"]),
        "repository_visibility": "private" if repo["private"] else "public",
        "sha": run["head_sha"],
        "ref": run["ref"],
        "ref_type": "branch",
        "head_ref": pull["head_ref"] if pull else "",
        "base_ref": pull["base_ref"] if pull else "",
        "event_name": run["event"],
        "run_id": str(run["id"]),
        "run_number": str(run["run_number"]),
        "run_attempt": str(run["run_attempt"]),
        "workflow": workflow["name"],
        "workflow_ref": path,
        "workflow_sha": run["head_sha"],
        "job_workflow_ref": path,
        "job_workflow_sha": run["head_sha"],
        "actor": core.user(run["actor_id"])["login"],
        "actor_id": str(run["actor_id"]),
        "runner_environment": "self-hosted",
    }


def _load_or_create(path: Path) -> rsa.RSAPrivateKey:
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        return key
    loaded = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise TypeError(f"{path} does not hold an RSA key")
    return loaded
