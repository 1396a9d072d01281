"""Modules in one file: each form of import and export that ours and the vendored ones use, run by Node."""

import subprocess
from pathlib import Path

import pytest

from tests.clients.node import NODE
from threadline.server.bundle import in_order, joined, outside

SECONDS = 60
SOURCES = {
    "main.js": 'import "./parts/app.js";\nimport { ran } from "./lib/words.js";\nran.push("main");\n',
    "parts/app.js": 'import{b as c,html}from"lit";import*as all from"../lib/words.js";\n'
    "export class App { say() { return html + c + all.one() + all.two; } }\n"
    'all.ran.push(new App().say());\nexport const load = () => import("./later.js");\n',
    "lib/words.js": "export const ran = [];\nexport function one() { return 1; }\nexport const two = 2;\n",
    "vendor/lit.js": 'import{x as t}from"./base.js";export*from"./base.js";export{x as y}from"./base.js";\n'
    'const s="html";export{s as html,t as b};\n',
    "vendor/base.js": '/* licence */const x="x";export{x};\n',
    "parts/later.js": 'import { App } from "./app.js";\nimport "./app.js";\nexport { App };\n',
}


def resolve(importer: str, wanted: str) -> str:
    if wanted == "lit":
        return "vendor/lit.js"
    folder = "" if wanted.startswith("..") or "/" not in importer else importer.partition("/")[0] + "/"
    return folder + wanted.lstrip("./")


def test_a_module_comes_after_those_that_it_imports() -> None:
    order = in_order("main.js", SOURCES, resolve)
    assert order == ["vendor/base.js", "vendor/lit.js", "lib/words.js", "parts/app.js", "main.js"]


def test_modules_run_once_joined_or_outside(tmp_path: Path) -> None:
    order = in_order("main.js", SOURCES, resolve)
    prefix = f"{tmp_path.as_uri()}/"
    bundle = f"{prefix}main.js"
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (tmp_path / "main.js").write_text(joined(order, SOURCES, resolve, prefix), encoding="utf-8")
    (tmp_path / "parts").mkdir()
    later = outside("parts/later.js", SOURCES["parts/later.js"], resolve, order, bundle)
    (tmp_path / "parts/later.js").write_text(later, encoding="utf-8")
    (tmp_path / "try.js").write_text(
        "import { $lib_words_js, $parts_app_js, $vendor_lit_js } from './main.js';\n"
        "const { App } = await $parts_app_js.load();\n"
        "console.log($lib_words_js.ran.join(), App === $parts_app_js.App, Object.keys($vendor_lit_js).join());\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [str(NODE), str(tmp_path / "try.js")], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.stdout == "htmlx12,main true x,y,html,b\n", done.stderr


def test_modules_that_import_each_other_are_refused() -> None:
    sources = {"a.js": 'import "./b.js";', "b.js": 'import "./a.js";'}
    with pytest.raises(ValueError, match=r"a\.js imports a module that imports it"):
        in_order("a.js", sources, resolve)


@pytest.mark.parametrize("source", ["export default 1;", "export let a = 1;", 'import a from "./b.js";'])
def test_another_form_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="cannot be joined"):
        joined(["a.js"], {"a.js": source}, resolve, "/")
