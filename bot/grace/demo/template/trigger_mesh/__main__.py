"""Serve until SIGTERM: `PORT=8080 python -m trigger_mesh`."""

import os
import signal
import sys
from types import FrameType

from trigger_mesh.server import build


def main() -> None:
    """Read PORT, HOST and VERSION from the environment and serve."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    host = os.environ.get("HOST", "127.0.0.1")
    port = int(os.environ.get("PORT", "8080"))
    with build(host, port, version=os.environ.get("VERSION", "unreleased")) as server:
        print(f"trigger-mesh listens on http://{host}:{server.server_port}", flush=True)
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
