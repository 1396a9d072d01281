"""The cache of the models: it has the file's content, it is written again when the file changes, and it is optional."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from threadline.aws import model, model_cache
from threadline.aws.names import MODELS, SERVICES, ServiceName, botocore_models

SMALL: dict[str, Any] = {
    "metadata": {"serviceId": "Small"},
    "operations": {"Ask": {"http": {"method": "GET", "requestUri": "/"}}},
    "shapes": {"Text": {"type": "string"}},
}


@pytest.fixture
def folder(nowhere: Path) -> Path:
    made = nowhere / "small" / "2026-01-01"
    made.mkdir(parents=True)
    (made / "service-2.json").write_text(json.dumps(SMALL))
    return made


def kept(nowhere: Path) -> list[Path]:
    return sorted((nowhere / ".cache" / "threadline").iterdir())


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_is_lost(nowhere: Path, service: ServiceName) -> None:
    (folder,) = ((MODELS if service == "threadline" else botocore_models()) / service).iterdir()
    for _ in range(2):
        ours, whole = model_cache.read_cached(folder), model.load(service)
        assert dict(ours.shapes) == dict(whole.shapes)
        assert list(ours.operations) == list(whole.operations)
        for name, entry in whole.operations.items():
            assert ours.operations[name]["http"]["requestUri"] == entry.uri
            assert ours.paginators.get(name) == entry.paginator
        assert ours.head["metadata"] == whole.metadata
    assert len(kept(nowhere)) == 1


def test_pages_are_kept_with_their_operation(folder: Path) -> None:
    assert "Ask" not in model_cache.read_cached(folder).paginators
    rules = {"pagination": {"Ask": {"result_key": "Answers"}}}
    (folder / "paginators-1.json.gz").write_bytes(gzip.compress(json.dumps(rules).encode()))
    assert dict(model_cache.read_cached(folder).paginators) == {"Ask": {"result_key": "Answers"}}


def test_a_model_that_has_changed_is_read_anew(nowhere: Path, folder: Path) -> None:
    model_cache.read_cached(folder)
    file = folder / "service-2.json"
    before = file.stat()
    file.write_text(json.dumps(SMALL).replace("Text", "Word"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert list(model_cache.read_cached(folder).shapes) == ["Word"]
    assert len(kept(nowhere)) == 1


def test_what_is_kept_may_be_torn_or_not_ours(nowhere: Path, folder: Path) -> None:
    model_cache.read_cached(folder)
    (path,) = kept(nowhere)
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:20], b"", b"{}\n", b"\xff\n", b"[]\n", b'{"bytes": 0, "stamp": 1}\n'):
        path.write_bytes(content)
        assert dict(model_cache.read_cached(folder).shapes) == SMALL["shapes"]
        assert path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(
    nowhere: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nowhere / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(nowhere / "file"))
    assert dict(model_cache.read_cached(folder).shapes) == SMALL["shapes"]
