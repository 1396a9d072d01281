"""The chat servers Threadline is measured beside, as Debian packages them, each in a folder of its own on loopback.

Prosody keeps its archives (MAM) in files and does not fsync. ejabberd keeps them in SQLite with its defaults, which
fsync each commit. Both write a message into the archive of either side before they deliver it.
"""

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL

from bench.servers import Server, free_port, kept, running, wait_for
from bench.xmpp import HOST, PASSWORD

READER = "archive"
"""The account with the long archive at ejabberd."""
FIRST_US = 1_700_000_000_000_000
STEP_US = 1_000_000

PROSODY = """
data_path = "{folder}"
pidfile = "{folder}/prosody.pid"
log = {{ error = "{folder}/log" }}
run_as_root = true
modules_enabled = {{ "roster", "saslauth", "mam" }}
modules_disabled = {{ "s2s" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
default_archive_policy = true
VirtualHost "{host}"
"""

EJABBERD = """
loglevel: error
hosts: [{host}]
listen: [{{port: {port}, ip: "127.0.0.1", module: ejabberd_c2s, starttls: false}}]
auth_method: sql
auth_password_format: plain
sql_type: sqlite
sql_database: {database}
modules:
  mod_roster: {{}}
  mod_mam: {{db_type: sql, default: always}}
"""


def missing(name: str) -> str | None:
    """Return the reason why the peer `name` cannot be measured; None when it can."""
    if name == "prosody":
        return None if program("prosody") else "prosody is not installed (apt install prosody)"
    if not (program("ejabberdctl") and program("erl")):
        return "ejabberd is not installed (apt install ejabberd)"
    if not list(Path("/usr/lib/erlang/lib").glob("p1_sqlite3-*")):
        return "ejabberd's driver of SQLite is not installed (apt install erlang-p1-sqlite3)"
    return None


def program(name: str) -> str:
    """Return the path of the program, also in the folders for administrators; empty when it is not installed."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin") or ""


def users(pairs: int) -> list[str]:
    """The accounts of `pairs` pairs."""
    return [f"{role}{number}" for number in range(pairs) for role in "wr"]


@contextmanager
def prosody(folder: Path, pairs: int) -> Iterator[Server]:
    """Prosody with an archive in files, not fsynced."""
    accounts = folder / HOST / "accounts"
    accounts.mkdir(parents=True)
    for user in users(pairs):
        (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}"; }};\n')
    port = free_port()
    config = folder / "prosody.cfg.lua"
    config.write_text(PROSODY.format(folder=folder, port=port, host=HOST))
    with running([program("prosody"), "-F", "--config", str(config)], cwd=folder, stdout=DEVNULL) as process:
        wait_for(port)
        yield Server(process, port, "files, no fsync")


@contextmanager
def ejabberd(folder: Path, pairs: int, archived: int) -> Iterator[Server]:
    """An ejabberd with its archive in SQLite, fsynced; `READER` has `archived` messages in it."""
    script = Path(program("ejabberdctl")).read_text(encoding="utf-8")
    libraries = re.search(r"^ERL_LIBS='(.+)'", script, re.MULTILINE)
    assert libraries is not None, "ejabberdctl names no ERL_LIBS"
    schema = next(Path(libraries[1]).glob("ejabberd-*/priv/sql/lite.sql"))
    database = folder / "ejabberd.db"
    fill(database, schema.read_text(encoding="utf-8"), pairs, archived)
    port = free_port()
    config = folder / "ejabberd.yml"
    config.write_text(EJABBERD.format(host=HOST, port=port, database=database))
    environment = {
        "ERL_LIBS": libraries[1],
        "EJABBERD_CONFIG_PATH": str(config),
        "EJABBERD_LOG_PATH": str(folder / "ejabberd.log"),
        "ERL_CRASH_DUMP": str(folder / "crash"),
        "HOME": str(folder),
    }
    command = [
        "erl",
        "+K",
        "true",
        "+P",
        "250000",
        "-noinput",
        "-mnesia",
        "dir",
        f'"{folder}"',
        "-s",
        "ejabberd",
    ]
    with running(command, cwd=folder, env=os.environ | environment, stdout=DEVNULL) as process:
        wait_for(port)
        yield Server(process, port, kept("SQLite, fsync at each commit", folder))


def archive_id(number: int) -> str:
    """The id, at ejabberd, of message `number` (from 0) of `READER`'s archive."""
    return str(FIRST_US + number * STEP_US)


def archived_row(number: int) -> tuple[str | int, ...]:
    """Message `number` of `READER`'s archive, as ejabberd writes it."""
    peer = f"customer@{HOST}"
    text = f"Message {number} of a long conversation about a parcel that is late."
    head = f"<message xml:lang='en' to='{READER}@{HOST}/r' from='{peer}/r' type='chat' id='m{number}'"
    xml = f"{head} xmlns='jabber:client'><body>{text}</body></message>"
    return READER, FIRST_US + number * STEP_US, f"{peer}/r", peer, text, "chat", "", xml


def fill(database: Path, schema: str, pairs: int, archived: int) -> None:
    """Accounts, and an archive as ejabberd would have written it."""
    connection = sqlite3.connect(database)
    connection.executescript(schema)
    accounts = [(user, PASSWORD) for user in [*users(pairs), READER]]
    connection.executemany("INSERT INTO users (username, password) VALUES (?, ?)", accounts)
    rows = map(archived_row, range(archived))
    connection.executemany(
        "INSERT INTO archive (username, timestamp, peer, bare_peer, txt, kind, nick, xml) VALUES (?,?,?,?,?,?,?,?)",
        rows,
    )
    connection.commit()
    connection.close()
