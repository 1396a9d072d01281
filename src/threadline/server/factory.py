"""Makes the store of a server and the relay to other servers and the page of metrics, by the settings.

The packages of PostgreSQL, NATS and Prometheus are imported only when the settings ask for them.
"""

import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threadline import datadir, extras
from threadline.bus.hub import Hub
from threadline.bus.relay import Relay
from threadline.chat.attachments import AttachmentRules
from threadline.chat.limits import Policy
from threadline.chat.streams import StreamKind
from threadline.clock import Clock, MovableClock
from threadline.config import AUTO, PREFIX, BadSettings, Settings
from threadline.controls import Beginning, ControlRefused, Controls
from threadline.encryption import SecretCipher
from threadline.neighbours.deliveries import Deliveries, Targets
from threadline.neighbours.directory import Handler, Neighbours
from threadline.neighbours.signature import Signer
from threadline.objects import Objects
from threadline.objects.encrypted import EncryptedObjects
from threadline.objects.folder import BUCKET as BUCKET_OF_FOLDER
from threadline.objects.folder import FolderObjects
from threadline.setting import BUCKET
from threadline.store import Store
from threadline.store.observer import StoreObserver
from threadline.store.sqlite import backup
from threadline.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from threadline.server.metrics import MetricsPage

KEY_OF_TESTS = "7e57" * 16
"""The encryption key of test servers in memory, so that one can read the snapshot of another."""

CHATS_MAX = 500
"""Active chats of an instance while `account_quotas` is on. Source: Amazon Connect service quotas."""


def cipher(settings: Settings) -> SecretCipher:
    """The cipher for the secrets in the store, by the setting or the file that has its key, if there is one yet.

    Raises BadKey for a key that cannot be used, OSError for a file that cannot be read.
    """
    given = settings.encryption_key
    if given and "/" not in given:
        return SecretCipher.of_text(given, f"{PREFIX}ENCRYPTION_KEY")
    if not given and settings.keeps_nothing:
        return SecretCipher.of_text(KEY_OF_TESTS, "tests") if settings.test_controls else SecretCipher()
    return SecretCipher.of_file(Path(given or Path(settings.data) / datadir.ENCRYPTION_KEY))


def objects(settings: Settings, cipher: SecretCipher) -> Objects:
    """The object store that the settings ask for; that of a server in memory goes with it.

    Raises BadSettings without obstore, which a bucket needs.
    """
    found = BUCKET.fullmatch(settings.objects)
    inner: Objects
    if found:
        s3 = _optional("objects.s3", "s3")
        bucket = s3.Bucket(
            name=found["name"],
            prefix=(found["prefix"] or "").strip("/"),
            region=settings.objects_region,
            endpoint=settings.objects_url,
            access_key_id=settings.objects_access_key_id,
            secret_access_key=settings.objects_secret_access_key,
        )
        try:
            inner = s3.S3Objects(bucket)
        except ModuleNotFoundError as error:
            raise BadSettings(extras.missing(error.name, "s3")) from None
    elif settings.objects or not settings.keeps_nothing:
        inner = FolderObjects(Path(settings.objects or Path(settings.data) / datadir.OBJECTS))
    else:
        inner = FolderObjects.temporary()
    return EncryptedObjects(inner, cipher, encrypts=settings.objects_encrypted)


def policy(
    settings: Settings, url: str, cipher: SecretCipher | None = None, controls: Controls | None = None
) -> Policy:
    """The policy by which operations decide, from the settings of a server that is reached at `url`."""
    kinds = {StreamKind.EVENTS: settings.contact_events, StreamKind.RECORDS: settings.contact_records}
    found = BUCKET.fullmatch(settings.objects)
    return Policy(
        strict_limits=settings.strict_limits,
        check_flow_resources=settings.check_flow_resources,
        require_same_customer=settings.require_same_customer,
        chats_max=CHATS_MAX if settings.account_quotas else 0,
        url=url if settings.public_url in ("", AUTO) else settings.public_url.rstrip("/"),
        connect_within_ms=settings.chat_connect_seconds * 1000,
        past_ready_ms=settings.past_ready_seconds * 1000,
        contact_streams=tuple(kind for kind, target in kinds.items() if target),
        topics=None if settings.sns_url else tuple(settings.neighbour_urls()),
        delivery_ms=settings.delivery_seconds * 1_000,
        controls=controls,
        cipher=cipher or SecretCipher(),
        attachments=AttachmentRules(
            endings=settings.endings,
            bytes_max=settings.attachment_bytes_max,
            count_max=settings.attachments_max,
            scanner=settings.attachment_scanner,
        ),
        transcript_delay_ms=settings.transcript_delay_seconds * 1000 if settings.transcript_files else None,
        bucket=found["name"] if found else BUCKET_OF_FOLDER,
        bucket_prefix=f"{prefix}/" if (prefix := ((found and found["prefix"]) or "").strip("/")) else "",
        is_audited=settings.audit != "off",
    )


def neighbours(settings: Settings, functions: dict[str, Handler] | None) -> Neighbours:
    """The services around the server, by the settings; `functions` are those of a test."""
    urls = settings.neighbour_urls()
    if settings.attachment_scanner.startswith(("http://", "https://")):
        urls[settings.attachment_scanner] = settings.attachment_scanner
    targets = Targets(
        urls,
        sns_url=settings.sns_url,
        eventbridge_url=settings.eventbridge_url,
        kinesis_url=settings.kinesis_url,
        contact_events=settings.contact_events,
        contact_records=settings.contact_records,
    )
    deliveries = Deliveries(targets, Signer(settings.signing_key_file, settings.signing_certificate_url))
    return Neighbours(urls, settings.lambda_url, settings.lex_url, functions, deliveries)


async def open_store(
    settings: Settings,
    clock: Clock,
    policy: Policy,
    observer: StoreObserver,
    instance_id: str,
    *,
    accept_loss: bool,
    begins_with: Path | None = None,
) -> Store:
    """The store that the settings ask for. It held the instance `instance_id` if the folder names one.

    Raises RuntimeError for data of a newer Threadline, DataLost for data that is gone, unless `accept_loss`.
    """
    if settings.store:
        store: Store = await _optional("store.postgres.store", "postgres").PostgresStore.open(
            settings.store, clock, policy, observer
        )
        return store
    if settings.keeps_nothing:
        return SqliteStore(None, clock, policy, observer, begins_with=begins_with)
    file = Path(settings.data) / datadir.DATABASE
    return SqliteStore(file, clock, policy, observer, instance_id=instance_id, accept_loss=accept_loss)


def save(store: Store, objects: Objects, workspace: dict[str, Any], to: Path, now_ms: int) -> None:
    """Save the chats of a server, and their files, as the backup `to`. Raises ControlRefused."""
    if not isinstance(store, SqliteStore):
        raise ControlRefused("A server on PostgreSQL saves no snapshot: use pg_dump.")
    try:
        backup.save(store.reading, workspace, objects.folder, to, now_ms)
    except (backup.BackupRefused, OSError) as error:
        raise ControlRefused(f"No snapshot was saved: {error}") from error


def check(settings: Settings, beginning: Beginning) -> None:
    """Raise ControlRefused when a server with these settings cannot begin as `beginning` asks."""
    if not settings.keeps_nothing or settings.store:
        raise ControlRefused("Only a server in memory begins anew: start it with --data :memory:.")
    if beginning.snapshot is not None:
        try:
            manifest = backup.manifest_of(beginning.snapshot)
            for finding in backup.file_findings(beginning.snapshot, manifest, lambda *_: None):
                raise ControlRefused(f"The snapshot {beginning.snapshot} is not as it was saved: {finding}.")
        except backup.BackupRefused as refused:
            raise ControlRefused(str(refused)) from refused


def begin(settings: Settings, clock: Clock, beginning: Beginning) -> Path | None:
    """Set a test server's clock as `beginning` asks. Returns the database to begin with, if there is one.

    Raises ControlRefused.
    """
    if beginning.seed is not None and isinstance(clock, MovableClock):
        clock.reset(beginning.seed)
    if beginning.snapshot is None:
        return None
    check(settings, beginning)
    if isinstance(clock, MovableClock):
        clock.set(backup.manifest_of(beginning.snapshot).created)
    return beginning.snapshot / datadir.DATABASE


def place_files(beginning: Beginning, objects: Objects) -> None:
    """Copy the files of a snapshot to where the server has its own. A bucket has them still."""
    files = beginning.snapshot and beginning.snapshot / datadir.OBJECTS
    if files and files.exists() and objects.folder is not None:
        shutil.copytree(files, objects.folder, copy_function=shutil.copyfile, dirs_exist_ok=True)


def relay(settings: Settings, clock: Clock, hub: Hub, name: str) -> Relay | None:
    """The relay between the servers of one store, which is called `name`; None for a store with one server."""
    if not settings.store:
        return None
    made: Relay
    if settings.bus:
        made = _optional("bus.nats", "nats").NatsBus(hub, clock, settings.bus, name)
    else:
        made = _optional("bus.postgres", "postgres").PostgresBus(hub, clock, settings.store)
    return made


def metrics_page(settings: Settings, request_ids: Iterator[str]) -> "MetricsPage | None":
    """The page of `/metrics`, if the settings ask for it; it holds its address from now on.

    Raises BadSettings for an address that cannot be had, and without prometheus-client.
    """
    if not settings.metrics_address:
        return None
    page: MetricsPage = _optional("server.metrics", "metrics").MetricsPage(settings, request_ids)
    return page


def _optional(module: str, extra: str) -> Any:
    try:
        return import_module(f"threadline.{module}")
    except ModuleNotFoundError as error:
        raise BadSettings(extras.missing(error.name, extra)) from None
