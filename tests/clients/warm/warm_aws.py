"""A plug-in of the genuine AWS CLI that keeps it warm: it runs the program's own `main` for each connection.

Loading the program takes most of a second, and a call after that a quarter of one. So the program is loaded once and
forks for each command line; in the fork everything begins anew, with that command line's words, folder, environment
and output.
"""

import gc
import io
import json
import os
import socket
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module, reload
from typing import Any

LISTENING = "THREADLINE_TESTS_LISTEN_ON"
MESSAGE_BYTES_MAX = 1 << 20


def awscli_initialize(_events: object) -> None:
    """Serve until the listening socket is closed, then end the process. The program calls this for each plug-in."""
    listening = socket.socket(fileno=int(os.environ.pop(LISTENING)))
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    main = import_module("awscli.clidriver").main
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        _run(main, ["connect", "list-users", "--instance-id", "i", "--generate-cli-skeleton", "output"])
    gc.disable()  # a command line is over before it needs collecting
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            if os.fork() == 0:
                _serve(main, connection)
            os._exit(0)
        connection.close()
        os.wait()


def _serve(main: Any, connection: socket.socket) -> None:
    """In a process of its own: one command line; its exit status is what is answered."""
    message, (out, err), *_ = socket.recv_fds(connection, MESSAGE_BYTES_MAX, 2)
    asked = json.loads(message)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    reload(import_module("awscli"))  # adds its own data to AWS_DATA_PATH
    status = _run(main, asked["words"])
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    connection.sendall(str(status).encode())
    os._exit(0)


def _run(main: Any, words: list[str]) -> int:
    sys.argv = ["aws", *words]
    try:
        return int(main() or 0)
    except SystemExit as end:
        return int(end.code or 0)
