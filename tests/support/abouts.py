"""What the hubs of tests say that they are."""

from grace.adapters.keys import Ed25519Key
from grace.domain.signing import encode64
from grace.web.hub import About


def about(key: Ed25519Key) -> About:
    """Describe a hub whose ledger is signed by a key."""
    return About(
        version="0",
        git_sha="0" * 40,
        git_branch="main",
        environment="test",
        config_hash="sha256:" + "0" * 64,
        forge_host="forge.test",
        forge_web_url="https://forge.test",
        keys={key.key_id: encode64(key.public)},
    )
