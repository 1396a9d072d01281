"""The files of the page: what is vendored is as npm has it, each is served under a name with its hash, none is HTML."""

import gzip
import hashlib
import json
import posixpath
import re
from pathlib import PurePath

from threadline.server.assets import LOCK, PAGES, assets

KB_MAX = 45
LOCKED = json.loads((PAGES / LOCK).read_text(encoding="utf-8"))["packages"]
OURS = [file for file in sorted(PAGES.rglob("*")) if file.is_file() and "vendor" not in file.parts]


def test_every_vendored_file_is_as_its_package_has_it() -> None:
    locked = {name: file["sha256"] for package in LOCKED for name, file in package["files"].items()}
    present = {
        str(file.relative_to(PAGES)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted((PAGES / "vendor").rglob("*"))
        if file.is_file() and file.name != "vendor.lock"
    }
    assert present == locked, "run `make vendor`"


def test_every_vendored_package_has_its_version_hash_and_licence() -> None:
    for package in LOCKED:
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"]), package["name"]
        assert package["integrity"].startswith("sha512-"), package["name"]
        assert "Permission is hereby granted" in package["license_text"] or (
            "Redistribution and use in source and binary forms" in package["license_text"]
        ), package["name"]


def test_no_file_makes_html_of_text_or_names_another_host() -> None:
    banned = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|unsafeHTML|unsafeSVG|document\.write|\beval\(|new Function|srcdoc"
        r"|setHTML|createContextualFragment|DOMParser"
    )
    for file in OURS:
        text = file.read_text(encoding="utf-8")
        assert not banned.findall(text), file.name
        hosts = set(re.findall(r"(?:https?|wss?)://[\w.-]+", text)) - {"http://www.w3.org"}
        assert not hosts, f"{file.name} names {hosts}"


def test_no_element_has_a_style_attribute_which_the_policy_refuses() -> None:
    for file in OURS:
        assert not re.search(r"""\sstyle=""", file.read_text(encoding="utf-8")), file.name


def test_a_name_has_the_hash_of_its_content_and_the_compressed_bytes_are_the_same() -> None:
    for path, asset in assets().files.items():
        digest = hashlib.sha256(asset.plain).hexdigest()
        assert digest.startswith(path.decode().split(".")[-2]), path
        assert gzip.decompress(asset.zipped) == asset.plain, path


def test_the_import_map_names_every_module_that_a_sent_file_imports() -> None:
    found = assets()
    text = found.page.plain.decode()
    mapped = json.loads(text.split('<script type="importmap">')[1].split("</script>")[0])["imports"]
    names = {address.encode(): name for name, address in mapped.items()}
    for path, asset in found.files.items():
        if not path.endswith(b".js"):
            continue
        for wanted in re.findall(r"""(?:from|import\()\s*["']([^"']+)["']""", asset.plain.decode()):
            name = str(PurePath(posixpath.normpath(PurePath(names[path]).parent / wanted)))
            assert mapped.get(name, "").encode() in found.files, f"{names[path]} imports {wanted}"


def test_the_first_message_waits_for_no_part_that_is_opened_later() -> None:
    later = {
        f"parts/{name}.js"
        for name in ("attachment", "calls", "comeback", "controls", "document", "records", "steps", "tour")
    }
    assert not later & set(assets().entry_names)


def test_the_first_message_takes_one_script_and_one_style() -> None:
    found = assets()
    page = found.page.plain.decode().split("</script>")
    assert len([part for part in page if '<script type="module"' in part]) == 1
    script = next(asset for path, asset in found.files.items() if path.startswith(b"/pages/main."))
    styles = [asset for path, asset in found.files.items() if path.endswith(b".css")]
    assert len(styles) == 1
    size = len(script.zipped) + len(styles[0].zipped)
    assert size <= KB_MAX * 1000, f"{size} bytes"
