"""`grace serve` says what is wrong with its session key, and does not start."""

import os
import subprocess
import sys
from pathlib import Path


def test_a_session_key_that_others_can_read_stops_the_start(
    tmp_path: Path, app_key: tuple[str, str]
) -> None:
    key = tmp_path / "session.key"
    key.write_text("x" * 64)
    key.chmod(0o644)
    env = {name: value for name, value in os.environ.items() if not name.startswith("GRACE_")}
    env |= {
        "GRACE_DATA_DIR": str(tmp_path),
        "GRACE_LISTEN_PORT": "0",
        "GRACE_FORGE_API_URL": "http://127.0.0.1:9",
        "GRACE_WEBHOOK_SECRET": "a secret of the webhook",
        "GRACE_APP_ID": "1",
        "GRACE_APP_KEY": app_key[0],
    }
    grace = Path(sys.executable).parent / "grace"
    done = subprocess.run(
        [str(grace), "serve"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "grace does not start" in done.stderr
    assert "delete it" in done.stderr
    assert "Traceback" not in done.stderr
