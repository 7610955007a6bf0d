"""Inside the sandbox: pass connections to 127.0.0.1 on to a unix socket, and run a command.

`python -I -S forwarder.py SOCKET COMMAND...`. `{model_url}` in the command and in the environment
becomes the address. It needs the standard library alone, and ends with the command's status.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading

_CHUNK = 65536
MARK = "{model_url}"


def main(words: list[str]) -> int:
    """Listen, run the command, and return its status."""
    path, *command = words
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        threading.Thread(target=_serve, args=(server, path), daemon=True).start()
        env = {name: value.replace(MARK, url) for name, value in os.environ.items()}
        argv = [word.replace(MARK, url) for word in command]
        program = shutil.which(argv[0], path=env.get("PATH"))
        if program is None:
            sys.stderr.write(f"there is no program {argv[0]}\n")
            return 127
        status = subprocess.run([program, *argv[1:]], env=env, check=False).returncode
    return status if status >= 0 else 128 - status


def _serve(server: socket.socket, path: str) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:  # the command has ended
            return
        upstream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            upstream.connect(path)
        except OSError as error:
            sys.stderr.write(f"the relay to the model does not answer: {error}\n")
            client.close()
            continue
        for source, target in ((client, upstream), (upstream, client)):
            threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Copy until one end is closed; what is then still open is closed with the process."""
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
