"""The files of the pages as they are sent: with a hash in their names, compressed, and listed in an import map.

The files of `threadline/pages` are written so that they name each other as they lie there. The import map gives a
browser the name with the hash of each module, so a module's text, and its hash, do not depend on other modules.
"""

import base64
import gzip
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import threadline
from threadline.server.bundle import in_order, joined, outside

PACKAGE = Path(threadline.__file__).parent
PAGES = PACKAGE / "pages"
DOCUMENTS = (PACKAGE / "docs", PACKAGE.parents[1] / "docs")
"""The documentation of an installed package, and of a checkout."""

DOCUMENT_PREFIX = "/docs/"
ENTRY = "main.js"
LOCK = "vendor/vendor.lock"
PREFIX = "/pages/"
HASH_DIGITS = 12
TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".md": b"text/markdown; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
LOCAL = re.compile(r'"/pages/([\w./-]+)"')
COMMENT = re.compile(r"^[ \t]*//.*\n|^//# sourceMappingURL=.*", re.MULTILINE)
"""A comment that is a line of its own. Browsers get none: they are a tenth of the bytes of our modules."""

MAP = '<script type="importmap">{}</script>'


class Asset(NamedTuple):
    """One file as it is sent: its content type, its bytes, and its bytes compressed."""

    content_type: bytes
    plain: bytes
    zipped: bytes


class Assets(NamedTuple):
    """All files by their paths, the page at `/`, and the source of its scripts for a Content-Security-Policy."""

    files: dict[bytes, Asset]
    page: Asset
    script_source: str
    entry_names: list[str]
    """The files that a browser reads before the page can be used: the page's style, and the modules it imports."""
    documents: dict[bytes, Asset]


@cache
def assets() -> Assets:
    """The files, read and compressed once for a process. It takes some twenty milliseconds."""
    contents = {
        str(file.relative_to(PAGES)): file.read_text(encoding="utf-8")
        for file in sorted(PAGES.rglob("*"))
        if file.suffix in TYPES and file.suffix != ".md" and file.name != "index.html"
    }
    bare = bare_imports()

    def resolve(importer: str, wanted: str) -> str:
        return bare.get(wanted) or _resolved(importer, wanted)

    modules = {name: COMMENT.sub("", contents.pop(name)) for name in list(contents) if name.endswith(".js")}
    needed = in_order(ENTRY, modules, resolve)
    contents[ENTRY] = joined(needed, modules, resolve, PREFIX)
    for name in modules.keys() - set(needed):
        contents[name] = outside(name, modules[name], resolve, needed, PREFIX + ENTRY)
    hashed = {name: PREFIX + _hashed(name, content.encode()) for name, content in contents.items()}
    map_text = json.dumps({"imports": _imports(hashed)}, separators=(",", ":"))
    page = LOCAL.sub(
        lambda found: f'"{hashed[found[1]]}"', (PAGES / "index.html").read_text(encoding="utf-8")
    ).replace(MAP, MAP.replace("{}", map_text))
    digest = base64.b64encode(hashlib.sha256(map_text.encode()).digest()).decode()
    files = {
        hashed[name].encode(): _asset(Path(name).suffix, content.encode())
        for name, content in contents.items()
    }
    styles = [name for name in contents if name.endswith(".css")]
    return Assets(
        files, _asset(".html", page.encode()), f"'sha256-{digest}'", [*styles, *needed], _documents()
    )


def _documents() -> dict[bytes, Asset]:
    folder = next(folder for folder in DOCUMENTS if folder.is_dir())
    return {
        f"{DOCUMENT_PREFIX}{file.name}".encode(): _asset(".md", file.read_bytes())
        for file in sorted(folder.glob("*.md"))
    }


def bare_imports() -> dict[str, str]:
    """The vendored modules by the names with which others import them: `lit` is `vendor/lit/index.js`."""
    lock = json.loads((PAGES / LOCK).read_text(encoding="utf-8"))
    return {
        file["import"]: name
        for package in lock["packages"]
        for name, file in package["files"].items()
        if file["import"]
    }


def _imports(hashed: dict[str, str]) -> dict[str, str]:
    """The import map: by the name that a module writes, resolved, the address of the file."""
    found = {PREFIX + name: address for name, address in sorted(hashed.items()) if name.endswith(".js")}
    return found | {name: hashed[file] for name, file in bare_imports().items() if file in hashed}


def _resolved(importer: str, wanted: str) -> str:
    parts = list(Path(importer).parts[:-1])
    for part in wanted.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _hashed(name: str, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()[:HASH_DIGITS]
    path = Path(name)
    return str(path.with_name(f"{path.stem}.{digest}{path.suffix}"))


def _asset(suffix: str, content: bytes) -> Asset:
    return Asset(TYPES[suffix], content, gzip.compress(content, 9, mtime=0))
