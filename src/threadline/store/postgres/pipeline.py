"""One PostgreSQL connection on the event loop, in libpq's pipeline mode.

Statements are sent at once and answered in order, many in one exchange. A statement then costs the server's time and
no round trip. Transactions and waiting are in `store.postgres.batch`.
"""

import asyncio
import os
import re
import select
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

import psycopg
from psycopg import adapt, pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from threadline.store import Row

Then = Callable[[list[Row]], None]
Encoded = list[bytes | None]
"""The values of a statement's parameters, in their order, as PostgreSQL reads them."""

CONNECT_SECONDS = 5
WATCH_SECONDS = 0.5
SILENCE_SECONDS = 30.0
"""How long PostgreSQL may send nothing while answers are due, until its connection counts as lost."""
STATEMENT_SECONDS, LOCK_SECONDS, IDLE_SECONDS = 10, 2, 10
"""How long a statement may run, how long it may wait for a row's lock, and how long a transaction may be idle."""

OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": f"{LOCK_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
        "plan_cache_mode": "force_generic_plan",  # every statement looks rows up by a key: plan it once
        "enable_seqscan": "off",  # a small table with many dead rows must not be scanned
        "enable_bitmapscan": "off",
        "enable_hashjoin": "off",  # SQLite knows nested loops only, and all joins are written for these
        "enable_mergejoin": "off",
        "jit": "off",
        "synchronous_commit": "on",
    }.items()
)
KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


class Statement(NamedTuple):
    """A statement for PostgreSQL. `parameters` are the names of $1, $2 and so on."""

    name: bytes
    text: bytes
    parameters: tuple[str, ...]


def for_postgres(text: str) -> str:
    """The SQL for PostgreSQL, from the text that serves both engines.

    The text in a comment `/*pg .. */` is for PostgreSQL alone. Most of it is locks, which SQLite does not need because
    it has one writer. It replaces text that follows `/*sqlite*/`.
    """
    text = re.sub(r"/\*sqlite\*/.*?(?=/\*pg )", "", text, flags=re.DOTALL)
    text = re.sub(r"/\*pg (.*?) ?\*/", r"\1", text, flags=re.DOTALL)
    return text.replace("INTEGER PRIMARY KEY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")


def without_locks(text: str) -> str:
    """The SQL of a statement for a transaction that only reads."""
    return re.sub(r"/\*pg FOR UPDATE[^*]*\*/", "", text)


def statement(name: str, text: str) -> Statement:
    """A named statement whose `:name` parameters become $1, $2 and so on."""
    parameters = tuple(dict.fromkeys(re.findall(r"(?<!:):([a-z]\w*)", text)))
    numbers = {parameter: f"${number}" for number, parameter in enumerate(parameters, 1)}
    text = re.sub(r"(?<!:):([a-z]\w*)", lambda match: numbers[match[1]], text)
    return Statement(name.encode(), text.encode(), parameters)


class Pipeline:
    """An open connection.

    `on_error` is called once for the first error of a statement, after everything sent was answered; `on_lost` when
    the connection has ended, as the last call; `on_notify` for a notification of another connection; `on_idle` when
    everything sent has been answered. `before_flush` may queue more.
    """

    on_error: Callable[[psycopg.Error], None]
    on_lost: Callable[[Exception], None]
    on_notify: Callable[[bytes], None]
    on_idle: Callable[[], None] = staticmethod(lambda: None)
    before_flush: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        # a duplicate, since libpq may close its own at any time and the system reuses the number
        self._fd = os.dup(self._pgconn.socket)
        self._loop = asyncio.get_running_loop()
        self._expected: deque[tuple[Statement | None, Then | None]] = deque()
        """The answers that are due: of a statement, of its preparation (without `then`), of a flush (neither)."""
        self._prepared: dict[bytes, Any] = {}
        self._is_unflushed = False
        self._watch: asyncio.TimerHandle | None = None
        self._answered_at = self._loop.time()
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._error: psycopg.Error | None = None
        self.is_open = True
        self._pgconn.nonblocking = 1
        self._pgconn.enter_pipeline_mode()
        self._loop.add_reader(self._fd, self._readable)

    @classmethod
    async def open(cls, address: str) -> Self:
        """Connect. Raises psycopg.OperationalError."""
        return cls(await psycopg.AsyncConnection.connect(conninfo(address), autocommit=True))

    def send(self, statement: Statement, values: Mapping[str, Any], then: Then | None = None) -> None:
        """Queue a statement. `then` is called with its rows, unless it or a statement before it fails."""
        self.send_encoded(statement, encode(statement, values), then)

    def send_encoded(self, statement: Statement, encoded: Encoded, then: Then | None = None) -> None:
        """Queue a statement whose values are encoded already. `then` as in `send`."""
        try:
            if statement.name not in self._prepared:
                self._pgconn.send_prepare(statement.name, statement.text)
                self._prepared[statement.name] = None
                self._expected.append((statement, None))
            self._pgconn.send_query_prepared(statement.name, encoded)
        except (
            psycopg.OperationalError
        ) as error:  # the connection has ended, and the reader has not seen it yet
            self._loop.call_soon(self._lose, error)
        self._expected.append((statement, then or _nothing))
        self._is_unflushed = True

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued or under way."""
        return not self._expected

    def flush(self) -> None:
        """Send everything queued. After an error, PostgreSQL skips the statements up to this point."""
        self.before_flush()
        if self._is_unflushed and self.is_open:
            self._is_unflushed = False
            try:
                self._pgconn.pipeline_sync()
            except psycopg.OperationalError as error:
                self._loop.call_soon(self._lose, error)
                return
            self._expected.append((None, None))
            self._write()
            if self._watch is None:
                self._answered_at = self._loop.time()
                self._watch = self._loop.call_later(WATCH_SECONDS, self._poll_silence)

    def _poll_silence(self) -> None:
        """Poll the socket for answers: uvloop drops the reader of a socket that was reset."""
        self._watch = None
        if self.is_open and self._expected:
            self._watch = self._loop.call_later(WATCH_SECONDS, self._poll_silence)
            if self._poll.poll(0):
                self._readable()
            elif self._loop.time() - self._answered_at > SILENCE_SECONDS:
                self.abort(psycopg.OperationalError("PostgreSQL does not answer any more"))

    def abort(self, error: Exception) -> None:
        """Treat the connection as lost."""
        self._lose(error)

    async def close(self) -> None:
        """Close the connection."""
        self._detach()
        await self._connection.close()

    def _write(self) -> None:
        try:
            if self._pgconn.flush():
                self._loop.add_writer(self._fd, self._write)
            else:
                self._loop.remove_writer(self._fd)
        except psycopg.OperationalError as error:
            self._lose(error)

    def _readable(self) -> None:
        try:
            self._pgconn.consume_input()
            self._answered_at = self._loop.time()
            is_between = False
            while self._expected and not self._pgconn.is_busy():
                result = self._pgconn.get_result()
                if result is not None:
                    self._take(result)
                elif is_between:  # no more answers: one None separates two of them
                    break
                is_between = result is None
            while (notify := self._pgconn.notifies()) is not None:
                self.on_notify(notify.extra)
        except psycopg.OperationalError as lost:
            self._lose(lost)
            return
        if self._error is not None and not self._expected:
            error, self._error = self._error, None
            self.on_error(error)
        self.flush()
        if self._pgconn.status == pq.ConnStatus.BAD:
            self._lose(psycopg.OperationalError("the server closed the connection"))
        elif self.is_idle:
            self.on_idle()

    def _take(self, result: Any) -> None:
        statement, then = self._expected.popleft()
        if result.status == pq.ExecStatus.FATAL_ERROR:
            self._error = self._error or psycopg.errors.error_from_result(result)
        if statement is not None and then is None and result.status != pq.ExecStatus.COMMAND_OK:
            # also the statements behind a failed one were not prepared
            self._prepared.pop(statement.name, None)
        elif then is not None and statement is not None and self._error is None:
            then(self._rows(statement, result))

    def _rows(self, statement: Statement, result: Any) -> list[Row]:
        if not result.ntuples:
            return []
        transformer = self._prepared[statement.name]
        if transformer is None:
            transformer = self._prepared[statement.name] = adapt.Transformer(self._connection)
            transformer.set_pgresult(result)
        else:
            transformer.set_pgresult(result, set_loaders=False)
        rows: list[Row] = transformer.load_rows(0, result.ntuples, tuple)
        return rows

    def _lose(self, error: Exception) -> None:
        if self.is_open:
            self._detach()
            self._pgconn.finish()
            self.on_lost(error)

    def _detach(self) -> None:
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            os.close(self._fd)


def conninfo(address: str) -> str:
    """The connection string for `address`, with the options that all our connections use."""
    given = conninfo_to_dict(address).get("options", "")
    return make_conninfo(
        address,
        options=f"{OPTIONS} {given}",
        application_name="threadline",
        connect_timeout=CONNECT_SECONDS,
        **KEEPALIVE,
    )


def describe(address: str) -> str:
    """A description of the database at `address`, without user and password. Raises RuntimeError for a bad address.

    A reserved character in the password moves the rest of the password into the host, port or database. Such an
    address is refused here, since a later error would show a part of the password as the name of the host.
    """
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(address).items()}
    except psycopg.Error:
        parts = {"port": "?"}
    host, port, name = parts.get("host", ""), parts.get("port", "5432"), parts.get("dbname", "")
    if "@" in host + name or not port.replace(",", "").isdigit():
        raise RuntimeError(
            "THREADLINE_STORE is not an address that PostgreSQL understands: write"
            " postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and each character of the password that is not a letter"
            " or digit as a percent sign and two hexadecimal digits, such as %40 for @ and %2F for /"
        )
    return (
        f"The database {name or '(of the same name as its user)'} at {host or 'this machine'}, port {port},"
    )


def error_line(error: Exception) -> str:
    """The message of libpq or PostgreSQL in one line."""
    text = " ".join(str(error).split()).rpartition("failed: ")[2].removeprefix("FATAL: ").strip()
    return text.partition(" LINE 1:")[0].partition(" Is the server running")[0] or type(error).__name__


def _nothing(_: list[Row]) -> None:
    pass


def encode(statement: Statement, values: Mapping[str, Any]) -> Encoded:
    """The values that `statement` takes. Raises ValueError for text that PostgreSQL cannot store."""
    return [_encoded(values[parameter]) for parameter in statement.parameters]


def _encoded(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, int):
        return b"%d" % value
    text: bytes = value.encode()
    if b"\0" in text:
        raise ValueError("PostgreSQL cannot store text with a NUL character")
    return text
