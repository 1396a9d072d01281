"""Every setting, in one table: the fields of `Settings`.

A setting's environment name is `THREADLINE_` and the field's name in capitals. `docs/settings.md` is generated
from this table. No other module of the server reads its settings from the environment.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from threadline.setting import BUCKET, UUID, Setting
from threadline.setting import setting as _setting

PREFIX = "THREADLINE_"
FRONTENDS_MAX = 16
METRICS_ADDRESS = re.compile(r"((?:[\w.-]+|\[[0-9a-fA-F:.]+\]):)?(?P<port>[0-9]{1,5})")
PORT_MAX = 65_535
LOOPBACK = ("127.0.0.1", "::1", "localhost")
AWS_NAMES = {
    "lambda_url": ("AWS_ENDPOINT_URL_LAMBDA",),
    "lex_url": ("AWS_ENDPOINT_URL_LEX_RUNTIME_V2", "AWS_ENDPOINT_URL_RUNTIME_LEX_V2"),
    "sns_url": ("AWS_ENDPOINT_URL_SNS",),
    "eventbridge_url": ("AWS_ENDPOINT_URL_EVENTBRIDGE",),
    "kinesis_url": ("AWS_ENDPOINT_URL_KINESIS",),
}
"""Settings that are also read from the variables by which every AWS SDK finds the same endpoint."""
AUTO = "auto"
"""The value of `public_url` by which each request names the URL."""

ALLOWED_HOST = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<name>[a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?"
)
"""A host in lower case, as `public_hosts` lists it; without a scheme it is that of a request's Host header."""


class BadSettings(ValueError):
    """Bad settings; the text names each one and the values it takes."""


def _first(what: str, form: str = UUID) -> Any:
    """A setting that names a part of a new store's first workspace."""
    return _setting(
        "", f"{what} of the workspace that an empty store gets; empty is one drawn at random.", form=form
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one server. Raises BadSettings when a value is out of its bounds."""

    host: str = _setting(
        "127.0.0.1", "Address to listen on; with any other than 127.0.0.1, other machines can connect."
    )
    port: int = _setting(8080, "Port to listen on; 0 picks a free one.", low=0, high=PORT_MAX)
    data: str = _setting(
        "./data", "Folder of the database and the workspace file; `:memory:` keeps the data in memory only."
    )
    store: str = _setting(
        "",
        "Database of the chats: `postgresql://USER:PASSWORD@HOST/DATABASE`, which any number of servers can share; "
        "empty is SQLite in the data folder, for one server.",
    )
    bus: str = _setting(
        "",
        "Message bus by which the servers on one PostgreSQL notify each other: `nats://HOST:4222` for many servers; "
        "empty is PostgreSQL's NOTIFY.",
    )
    encryption_key: str = _setting(
        "",
        "Key that encrypts the secrets of access keys in the database: 64 hexadecimal digits, or the path of a file "
        "that holds them; empty is `encryption.key` in the data folder, which the first start makes. All servers on "
        "one PostgreSQL need the same one.",
    )
    objects: str = _setting(
        "",
        "Where attachments and transcript files are kept: a folder, as a path with a / in it, or `s3://BUCKET/PREFIX`, "
        "which needs the extra `s3`; empty is the folder `objects` in the data folder. All servers on one PostgreSQL "
        "need the same one.",
    )
    objects_url: str = _setting(
        "", "Endpoint of a service with the API of S3; empty is Amazon's own in the region of `s3://`."
    )
    objects_region: str = _setting(
        "us-east-1", "Region of the bucket.", form="a region, such as eu-central-1"
    )
    objects_access_key_id: str = _setting(
        "", "Id of the access key for the bucket; the shell's `AWS_*` variables are never used."
    )
    objects_secret_access_key: str = _setting("", "Secret of that access key.")
    objects_encrypted: bool = _setting(
        False,
        "Encrypt new objects with a key made from THREADLINE_ENCRYPTION_KEY. Objects from before can be read all the "
        "same.",
    )
    attachment_types: str = _setting(
        "csv,doc,docx,heic,jfif,jpeg,jpg,mov,mp4,pdf,png,ppt,pptx,rtf,txt,wav,xls,xlsx",
        "Files that chats take, by the ending of their names, separated by commas; empty is none.",
    )
    attachment_bytes_max: int = _setting(20_971_520, "Largest attachment.", low=1, high=104_857_600)
    attachments_max: int = _setting(35, "Attachments of one chat.", low=0)
    attachment_scanner: str = _setting(
        "",
        "Function that approves or rejects attachments before anybody gets them: the ARN of a Lambda function, or the "
        "URL that gets the same event; empty approves all.",
    )
    transcript_files: bool = _setting(
        True, "Write a transcript file to the object store when a contact has ended."
    )
    transcript_delay_seconds: int = _setting(
        0,
        "Time between the end of a contact and its transcript file. Amazon Connect takes 30 to 60 seconds.",
        low=0,
    )
    frontend_processes: str = _setting(
        "auto",
        "Processes that serve clients beside the writer process, from 0 to 16. `auto` goes by the cores: none on one "
        "core, 1 on two or three, 2 on four to seven, 3 on more.",
    )
    public_url: str = _setting(
        "",
        "URL by which clients reach this server, for the WebSocket URLs it returns, such as "
        "`https://chat.example.com`; empty means `http://127.0.0.1:PORT`, and `auto` scheme and host of each request.",
    )
    public_hosts: str = _setting(
        "localhost,127.0.0.1,[::1]",
        "Hosts that requests may name with THREADLINE_PUBLIC_URL=auto, separated by commas, with a port or for any, "
        "such as `chat.example.com` or `https://chat.example.com:8443`; requests for others are refused. Without a "
        "scheme it is that of X-Forwarded-Proto, else http.",
    )

    first_account_id: str = _setting(
        "123456789012", "Account of the workspace that an empty store gets.", form="12 digits"
    )
    first_region: str = _setting(
        "us-east-1",
        "Region of that workspace, for its ARNs and for `threadline env`; a client may sign for any.",
        form="a region, such as eu-central-1",
    )
    first_access_key_id: str = _first("Id of the access key", "4 to 128 letters, digits and underscores")
    first_secret_access_key: str = _first(
        "Secret of the access key", "16 to 128 characters of ASCII without spaces"
    )
    first_instance_id: str = _first("Id of the instance")
    first_contact_flow_id: str = _first("Id of the flow Demo inbound")
    first_survey_flow_id: str = _first("Id of the flow Demo survey")
    first_returning_flow_id: str = _first("Id of the flow Demo returning")
    first_queue_id: str = _first("Id of the queue Support")
    first_agent_a1: str = _first("Id of the user a1")
    first_agent_a2: str = _first("Id of the user a2")

    body_bytes_max: int = _setting(
        1_048_576, "Largest request body; a larger one gets status 413.", low=1_024
    )
    header_bytes_max: int = _setting(
        32_768, "Largest request line and headers together; larger ones get status 431.", low=1_024
    )
    path_bytes_max: int = _setting(
        8_192, "Longest path and query string; longer ones get status 414.", low=256
    )
    frame_bytes_max: int = _setting(
        65_536,
        "Largest WebSocket message from a client; a larger one closes the socket with code 1009.",
        low=256,
    )
    connections_max: int = _setting(
        10_000,
        "Open connections, WebSockets included; further ones get status 503 and are closed. The limit of open files "
        "(`ulimit -n`) must allow it.",
        low=1,
    )
    buffered_bytes_max: int = _setting(
        268_435_456,
        "Bytes buffered for clients, in all processes together: incomplete and waiting requests, and responses that "
        "are not read yet. One access key or participant may use an eighth of them, one public address a quarter. "
        "Beyond that, requests get status 503, and clients that do not read are disconnected.",
        low=1_048_576,
    )
    socket_frames_max: int = _setting(
        20,
        "Frames that a client may send on its socket in a second, and five times as many in a burst; each kilobyte "
        "counts as one more. Beyond that the server reads the socket more slowly.",
        low=1,
    )
    sockets_per_participant_max: int = _setting(
        5, "Open sockets of one participant in one process; a further one closes the oldest.", low=1
    )

    request_seconds_max: int = _setting(
        20,
        "Time a client has to send a whole request, or to subscribe once its socket is open; after that it gets "
        "status 408, or the socket is closed.",
        low=1,
    )
    keep_alive_seconds: int = _setting(75, "Time an idle HTTP connection stays open.", low=1)
    socket_idle_seconds: int = _setting(
        90, "Time without a frame from the client until its socket is closed.", low=1
    )
    socket_stalled_seconds: int = _setting(
        30, "Time a client may read nothing from its socket until it is disconnected.", low=1
    )
    socket_after_end_seconds: int = _setting(
        300, "Time a socket stays open after its chat has ended, for the client to close it.", low=1
    )
    drain_seconds: int = _setting(
        8, "Time that running requests have to finish when the server stops.", low=0, high=600
    )
    chat_connect_seconds: int = _setting(
        300, "Time a customer has to connect after StartChatContact until the chat is ended.", low=1
    )
    clock_skew_seconds: int = _setting(
        300, "Largest accepted difference between a signature's date and the server's clock.", low=1
    )

    neighbours: str = _setting(
        "",
        "Services that flows call, as NAME=URL separated by commas: an ARN, the name of a Lambda function or the type "
        "of an action, and the URL that gets its calls as JSON.",
    )
    lambda_url: str = _setting(
        "",
        "Endpoint of AWS Lambda's API for the functions that flows invoke; empty is `AWS_ENDPOINT_URL_LAMBDA`, and "
        "without it no function is invoked.",
    )
    lex_url: str = _setting(
        "",
        "Endpoint of the Lex V2 runtime for the bots of flows; empty is `AWS_ENDPOINT_URL_LEX_RUNTIME_V2` or "
        "`AWS_ENDPOINT_URL_RUNTIME_LEX_V2`, and without it no bot is asked.",
    )
    sns_url: str = _setting(
        "",
        "Endpoint of Amazon SNS for the messages of chats that are streamed; empty is `AWS_ENDPOINT_URL_SNS`. Without "
        "it a topic is reached by its entry in THREADLINE_NEIGHBOURS alone; see docs/streams.md.",
    )
    eventbridge_url: str = _setting(
        "", "Endpoint of Amazon EventBridge for contact events; empty is `AWS_ENDPOINT_URL_EVENTBRIDGE`."
    )
    kinesis_url: str = _setting(
        "", "Endpoint of Amazon Kinesis for contact records; empty is `AWS_ENDPOINT_URL_KINESIS`."
    )
    contact_events: str = _setting(
        "",
        "Receiver of the contact events of chats that begin from now on: the ARN of an event bus, a URL that gets each "
        "as JSON, or `file:PATH` for a file with one a line; empty delivers none.",
    )
    contact_records: str = _setting(
        "",
        "Receiver of the contact records of chats that begin from now on: the ARN of a Kinesis stream, a URL, or "
        "`file:PATH`; empty delivers none.",
    )
    delivery_seconds: int = _setting(
        345_600,
        "Time for which a delivery that fails is tried again. After that its entries are kept as dead letters, which "
        "`threadline deliveries` lists and sends again.",
        low=1,
    )
    signing_key_file: str = _setting(
        "",
        "PEM file with the RSA key that signs what streams post to URLs; messages are posted to a URL only with one.",
    )
    signing_certificate_url: str = _setting(
        "", "URL at which receivers read the certificate of that key, for SigningCertURL of notifications."
    )
    cors_origins: str = _setting(
        "*", "Web origins whose pages may call this server, separated by commas; `*` is any."
    )
    start_chat_route: str = _setting(
        "auto",
        "Whether `POST /start-chat` starts chats in the first instance without a signature, for a front end in "
        "development that has no backend yet. `auto` does so while the server listens on this machine alone and has "
        "no THREADLINE_PUBLIC_URL; `on` for everybody who reaches the server; see docs/front-end.md.",
        choices=("auto", "on", "off"),
    )
    rate_limits: bool = _setting(
        False,
        "Refuse calls above the rates that Amazon Connect documents, for each account, and for all participants of an "
        "instance together; each server on one PostgreSQL counts separately.",
    )
    account_quotas: bool = _setting(
        False, "Refuse calls that would exceed Amazon Connect's quotas, such as 500 active chats."
    )
    strict_limits: bool = _setting(
        False,
        "Stop a lineage after 100 past contacts and leave out a past transcript above 5 MB, as Amazon Connect does.",
    )
    check_flow_resources: bool = _setting(
        False,
        "Refuse to publish a flow or module that names a queue, hours, a flow, a module or a user by an id that the "
        "instance does not have, as Amazon Connect does.",
    )
    require_same_customer: str = _setting(
        "off",
        "Customer whose past a chat may continue: `off` allows any; `differ` refuses if both CustomerIds are known and "
        "differ; `known` requires that both are known and equal.",
        choices=("off", "differ", "known"),
    )
    log_level: str = _setting(
        "info",
        "Lowest level of the lines that are logged; debug adds a line for each request.",
        choices=("debug", "info", "warning", "error"),
    )
    trace: bool = _setting(
        False,
        "Log each request and its statements, by their names, with their milliseconds; the log level debug logs the "
        "requests alone.",
    )
    log_format: str = _setting(
        "human",
        "Format of the log: lines for people, or one JSON object per line.",
        choices=("human", "json"),
    )
    flow_log_file: str = _setting(
        "",
        "File to which the log of flows is appended as well, one JSON object a line as Amazon Connect writes them to "
        "CloudWatch, for flows that have switched their logging on.",
    )
    audit: str = _setting(
        "off",
        "Write who called which operation on which contact into the files of an audit: `management` leaves out "
        "SendMessage, SendEvent and a participant's GetTranscript, `all` has every call. See docs/audit.md.",
        choices=("off", "management", "all"),
    )
    audit_folder: str = _setting("", "Folder of the audit; empty is `audit` in the data folder.")
    metrics_address: str = _setting(
        "",
        "Address of `/metrics` for Prometheus, such as `127.0.0.1:9464`; a port alone is on 127.0.0.1, port 0 picks a "
        "free one, empty is no such page. It needs the extra `metrics`.",
    )
    past_ready_seconds: int = _setting(
        0,
        "Time between the end of a chat and the moment at which another may continue it. Amazon Connect asks to wait "
        "30 to 60 seconds, until it has the transcript; this server has it at once.",
        low=0,
    )
    test_controls: bool = _setting(
        False,
        "Answer the operations with which a test sets faults and reads the calls. Only for tests: signatures are not "
        "verified, so any key will do. The server runs in one process and listens on 127.0.0.1 alone.",
    )
    test_controls_on_any_host: bool = _setting(
        False,
        "With test controls, listen on the address of `THREADLINE_HOST` all the same, as in a container. Everybody who "
        "reaches it may do everything, so publish its port on 127.0.0.1 only.",
    )
    quiet: bool = _setting(
        False, "Leave out the line for each call that `threadline serve` prints on a terminal."
    )

    def __post_init__(self) -> None:
        complaints = [text for row in TABLE if (text := row.complaint(getattr(self, row.name)))]
        complaints += self._complaints_of_urls()
        key = self.encryption_key
        if key and "/" not in key and not re.fullmatch("[0-9a-fA-F]{64}", key):
            complaints.append(
                f"{PREFIX}ENCRYPTION_KEY must be 64 hexadecimal digits, as `openssl rand -hex 32` prints, or the path"
                " of a file that holds them, with a / in it."
            )
        complaints += [
            f"{PREFIX}{name.upper()} is {url!r}: start it with http:// or https://."
            for name in AWS_NAMES
            if (url := getattr(self, name)) and not url.startswith(("http://", "https://"))
        ]
        complaints += self._complaints_of_receivers()
        try:
            self.neighbour_urls()
        except ValueError as error:
            complaints.append(f"{PREFIX}NEIGHBOURS {error}.")
        count = self.frontend_processes
        if count != "auto" and not (count.isascii() and count.isdigit() and int(count) <= FRONTENDS_MAX):
            complaints.append(
                f"{PREFIX}FRONTEND_PROCESSES is {count!r}: write auto, or a number from 0 to 16."
            )
        named = METRICS_ADDRESS.fullmatch(self.metrics_address)
        if self.metrics_address and (named is None or int(named["port"]) > PORT_MAX):
            complaints.append(
                f"{PREFIX}METRICS_ADDRESS is {self.metrics_address!r}: write HOST:PORT, such as 127.0.0.1:9464."
            )
        if self.test_controls and count not in ("auto", "0"):
            complaints.append(
                f"{PREFIX}TEST_CONTROLS goes with one process: leave out {PREFIX}FRONTEND_PROCESSES, or set it to 0."
            )
        if self.test_controls and self.host not in LOOPBACK and not self.test_controls_on_any_host:
            complaints.append(
                f"{PREFIX}TEST_CONTROLS is only for 127.0.0.1, and {PREFIX}HOST is {self.host!r}: leave it out. In a"
                f" container whose port only this machine reaches, set {PREFIX}TEST_CONTROLS_ON_ANY_HOST=true."
            )
        if self.audit != "off" and self.keeps_nothing and not self.audit_folder:
            complaints.append(
                f"{PREFIX}AUDIT needs {PREFIX}AUDIT_FOLDER for a server that keeps its data in memory."
            )
        if bool(self.first_access_key_id) != bool(self.first_secret_access_key):
            complaints.append(f"{PREFIX}FIRST_ACCESS_KEY_ID and {PREFIX}FIRST_SECRET_ACCESS_KEY go together.")
        if complaints:
            raise BadSettings("\n".join(complaints))

    def _complaints_of_receivers(self) -> Iterator[str]:
        for name, service in (("contact_events", "events"), ("contact_records", "kinesis")):
            target = str(getattr(self, name))
            arn = f"arn:aws[a-z-]*:{service}:[a-z0-9-]+:[0-9]{{12}}:(event-bus|stream)/[A-Za-z0-9._/-]+"
            if target and not re.fullmatch(f"https?://.+|file:.+|{arn}", target):
                yield (
                    f"{PREFIX}{name.upper()} is {target!r}: write a URL, file:PATH, or an ARN that begins with"
                    f" arn:aws:{service}:."
                )

    def _complaints_of_urls(self) -> Iterator[str]:
        if self.public_url not in ("", AUTO) and not self.public_url.startswith(("http://", "https://")):
            yield f"{PREFIX}PUBLIC_URL is {self.public_url!r}: start it with http:// or https://, or write auto."
        for host in _listed(self.public_hosts):
            if not ALLOWED_HOST.fullmatch(host):
                yield f"{PREFIX}PUBLIC_HOSTS has {host!r}: write a host, with a scheme and a port if they matter."
        yield from self._complaints_of_objects()
        if self.store and not self.store.startswith(("postgresql://", "postgres://")):
            yield f"{PREFIX}STORE must start with postgresql://, or be empty."
        if self.bus and (not self.store or not self.bus.startswith(("nats://", "tls://"))):
            yield f"{PREFIX}BUS must start with nats:// or tls://, and goes with {PREFIX}STORE."

    def _complaints_of_objects(self) -> Iterator[str]:
        if self.objects_url and not self.objects_url.startswith(("http://", "https://")):
            yield f"{PREFIX}OBJECTS_URL is {self.objects_url!r}: start it with http:// or https://."
        if self.objects.startswith("s3://"):
            if not BUCKET.fullmatch(self.objects):
                yield f"{PREFIX}OBJECTS is {self.objects!r}: write s3://BUCKET or s3://BUCKET/PREFIX."
            if not (self.objects_access_key_id and self.objects_secret_access_key):
                yield (
                    f"{PREFIX}OBJECTS needs {PREFIX}OBJECTS_ACCESS_KEY_ID and {PREFIX}OBJECTS_SECRET_ACCESS_KEY;"
                    " the variables AWS_* are not used."
                )
        elif self.objects and "/" not in self.objects:
            yield f"{PREFIX}OBJECTS is {self.objects!r}: write the path of a folder, with a / in it, or s3://BUCKET."

    @classmethod
    def read(cls, environment: Mapping[str, str], **chosen: bool | int | str) -> Self:
        """The settings of `environment`, overridden by `chosen`. Raises BadSettings, which names every bad one."""
        values: dict[str, Any] = {}
        complaints = []
        for row in TABLE:
            if row.name in chosen:
                values[row.name] = chosen[row.name]
            elif row.env in environment:
                try:
                    values[row.name] = row.parse(environment[row.env])
                except ValueError as error:
                    complaints.append(str(error))
        if complaints:
            raise BadSettings("\n".join(complaints))
        for name, standard in AWS_NAMES.items():
            for env in standard:
                if name not in values and env in environment:
                    values[name] = environment[env]
        return cls(**values)

    def neighbour_urls(self) -> dict[str, str]:
        """The URLs of `neighbours` by name. Raises ValueError with the entry that is not NAME=URL."""
        found: dict[str, str] = {}
        for entry in filter(None, (part.strip() for part in self.neighbours.split(","))):
            name, _, url = entry.partition("=")
            if not name or not url.startswith(("http://", "https://")):
                raise ValueError(f"has the entry {entry[:200]!r}: write NAME=http://HOST:PORT/PATH")
            found[name] = url
        return found

    @property
    def endings(self) -> frozenset[str]:
        """The endings of `attachment_types`."""
        return frozenset(ending.lstrip(".") for ending in _listed(self.attachment_types))

    def environment(self) -> dict[str, str]:
        """The environment from which `read` makes these settings again."""
        return {row.env: str(getattr(self, row.name)) for row in TABLE}

    @property
    def keeps_nothing(self) -> bool:
        """Whether the data is kept in memory only."""
        return self.data == ":memory:"

    @property
    def first_workspace(self) -> dict[str, str]:
        """The names and ids that the settings give the first workspace, by the names of `operations.workspace`."""
        given = {row.name: str(getattr(self, row.name)) for row in TABLE if row.name.startswith("first_")}
        return {
            name.removeprefix("first_").removeprefix("agent_"): text for name, text in given.items() if text
        }

    @property
    def allowed_hosts(self) -> list[tuple[str | None, str, str | None]]:
        """Scheme, name and port of each of `public_hosts`; None for a scheme or port that is not given."""
        found = [ALLOWED_HOST.fullmatch(host) for host in _listed(self.public_hosts)]
        return [(host["scheme"], host["name"], host["port"]) for host in found if host]


def _listed(text: str) -> list[str]:
    return [part.strip().lower() for part in text.split(",") if part.strip()]


TABLE: tuple[Setting, ...] = tuple(
    Setting(f.name, PREFIX + f.name.upper(), type(f.default), f.default, **f.metadata)  # type: ignore[arg-type]
    for f in fields(Settings)
)
