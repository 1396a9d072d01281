"""Objects in a bucket of S3 or of a service with its API, through obstore.

Endpoint and credentials are those of the settings. obstore reads the shell's `AWS_*` variables as well when it
connects; they are taken away for that moment.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

from threadline.objects import Entry, NoObject, Objects, ObjectsFailed, Writer, checked

SPOOLED_BYTES_MAX = 1_048_576
"""An object of more bytes waits in a file of the system's temporary folder until it is committed."""
CHUNK_BYTES = 262_144


class Bucket(NamedTuple):
    """A bucket, and how it is reached. An empty `endpoint` is Amazon's own for the region."""

    name: str
    prefix: str
    region: str
    endpoint: str
    access_key_id: str
    secret_access_key: str


class S3Objects(Objects):
    """The objects of a bucket. An object is uploaded at its commit, so that an abort leaves nothing there.

    Raises ModuleNotFoundError without obstore.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket.name
        self.prefix = f"{bucket.prefix}/" if bucket.prefix else ""
        self._obstore = import_module("obstore")
        self._missing = import_module("obstore.exceptions").NotFoundError
        self._store = _connected(bucket)

    def writer(self, key: str) -> Writer:
        return _S3Writer(lambda file: self._put(key, file), checked(key))

    def read(self, key: str) -> Iterator[bytes]:
        found = self._call(key, lambda: self._obstore.get(self._store, checked(key)))
        pieces = iter(found.stream(min_chunk_size=CHUNK_BYTES))
        while (piece := self._call(key, lambda: next(pieces, None))) is not None:
            yield bytes(piece)

    def delete(self, key: str) -> None:
        with contextlib.suppress(NoObject):
            self._call(key, lambda: self._obstore.delete(self._store, checked(key)))

    def list(self, prefix: str = "") -> Iterator[Entry]:
        pages = iter(self._obstore.list(self._store, prefix=checked(prefix) if prefix else None))
        while (page := self._call(prefix, lambda: next(pages, None))) is not None:
            for each in page:
                at_ms = round(each["last_modified"].timestamp() * 1_000)
                yield Entry(str(each["path"]), int(each["size"]), at_ms)

    def sweep_drafts(self, before: float) -> int:
        """Do nothing: incomplete objects are temporary files, which end with their process."""
        return 0

    def close(self) -> None:
        """Do nothing: obstore's connections end with it."""

    def _put(self, key: str, file: Any) -> None:
        self._call(key, lambda: self._obstore.put(self._store, key, file))

    def _call(self, key: str, call: Callable[[], Any]) -> Any:
        """The result of a call of obstore. Raises NoObject, ObjectsFailed."""
        try:
            return call()
        except (self._missing, FileNotFoundError):
            raise NoObject(f"there is no object {key}") from None
        except ValueError:
            raise
        except Exception as error:  # noqa: BLE001 - obstore raises errors of many kinds
            raise ObjectsFailed(f"{type(error).__name__} at object {key} of bucket {self.bucket}") from None


class _S3Writer(Writer):
    def __init__(self, put: Callable[[Any], None], key: str) -> None:
        self._put = put
        self._key = key
        self._file: Any = tempfile.SpooledTemporaryFile(SPOOLED_BYTES_MAX)  # noqa: SIM115

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise ObjectsFailed(f"{error.strerror} in the temporary folder, for object {self._key}") from None

    def commit(self) -> None:
        self._file.seek(0)
        self._put(self._file)
        self._file.close()

    def abort(self) -> None:
        self._file.close()


def _connected(bucket: Bucket) -> Any:
    """Connect to a bucket."""
    endpoint = bucket.endpoint or f"https://s3.{bucket.region}.amazonaws.com"
    with _without_variables():
        return import_module("obstore.store").S3Store(
            bucket.name,
            prefix=bucket.prefix or None,
            config={
                "region": bucket.region,
                "endpoint": endpoint,
                "access_key_id": bucket.access_key_id,
                "secret_access_key": bucket.secret_access_key,
                "virtual_hosted_style_request": False,
            },
            client_options={"allow_http": endpoint.startswith("http://"), "timeout": "60s"},
            retry_config={"max_retries": 2},
        )


@contextlib.contextmanager
def _without_variables() -> Iterator[None]:
    """Run without the variables `AWS_*`, which are there again afterwards."""
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().startswith("AWS_")}
    try:
        yield
    finally:
        os.environ.update(taken)
