"""Several ES modules in one file, so that a browser makes one request for the page's modules and not thirty.

Each module becomes a function that is called once and returns its exports. Only the forms of `import` and `export`
that our modules and the vendored ones use are known; another one is refused. A module may not import itself, by
way of others either, and its exports do not change later.
"""

import re
from collections.abc import Callable, Collection, Mapping

START = r"(?:(?<=[;}\s/])|^)"
FROM = r"""\s*from\s*["']([^"']+)["'];?"""
IMPORT = re.compile(START + r"import\s*(\{[^}]*\}|\*\s*as\s+[\w$]+)" + FROM, re.MULTILINE)
BARE_IMPORT = re.compile(START + r"""import\s*["']([^"']+)["'];?""", re.MULTILINE)
REEXPORT = re.compile(START + r"export\s*(\{[^}]*\}|\*)" + FROM, re.MULTILINE)
EXPORT = re.compile(START + r"export\s*(\{[^}]*\});?", re.MULTILINE)
DECLARED = re.compile(r"^export +(?=(?:async function|class|const|function) ([\w$]+))", re.MULTILINE)
LATER = re.compile(r"""\bimport\(["'](\.[^"']+)["']\)""")
UNKNOWN = re.compile(r"^(?:import\b(?!\()|export\b).*", re.MULTILINE)
RENAMED = re.compile(r"([\w$]+)(?:\s+as\s+([\w$]+))?")

Resolve = Callable[[str, str], str]
"""From the name of a module, and a name that it writes, to the name of the module that it means."""


def in_order(entry: str, sources: Mapping[str, str], resolve: Resolve) -> list[str]:
    """The modules that `entry` needs, each after those that it imports, and itself."""
    order: list[str] = []
    opened = set()

    def visit(name: str) -> None:
        if name in order:
            return
        if name in opened:
            raise ValueError(f"{name} imports a module that imports it.")
        opened.add(name)
        for wanted in imported(sources[name]):
            visit(resolve(name, wanted))
        order.append(name)

    visit(entry)
    return order


def imported(source: str) -> list[str]:
    """The names of the modules that a browser needs before this one runs, as it writes them."""
    found = [match for pattern in (IMPORT, BARE_IMPORT, REEXPORT) for match in pattern.finditer(source)]
    return [match[match.lastindex or 0] for match in sorted(found, key=re.Match.start)]


def joined(names: list[str], sources: Mapping[str, str], resolve: Resolve, prefix: str) -> str:
    """One module that runs these in their order. It exports each as an object, for the modules outside.

    `prefix` is the path of the folder of all modules, for those that are imported later.
    """
    return "".join(
        f"export const {_variable(name)}={_function(name, sources[name], resolve, prefix)}();\n"
        for name in names
    )


def outside(name: str, source: str, resolve: Resolve, bundled: Collection[str], bundle: str) -> str:
    """A module that stays a file of its own. It takes the modules that are in the file `bundle` from there."""

    def taken(found: re.Match[str]) -> str:
        module = resolve(name, found[2])
        if module not in bundled:
            return found[0]
        return f'import{{{_variable(module)}}}from"{bundle}";{_constants(found[1], module)}'

    def run(found: re.Match[str]) -> str:
        return "" if resolve(name, found[1]) in bundled else found[0]

    return BARE_IMPORT.sub(run, IMPORT.sub(taken, source))


def _function(name: str, source: str, resolve: Resolve, prefix: str) -> str:
    exports: list[str] = []

    def exported(found: re.Match[str]) -> str:
        exports.extend(f"{new or old}:{old}" for old, new in RENAMED.findall(found[1]))
        return ""

    def exported_again(found: re.Match[str]) -> str:
        module = _variable(resolve(name, found[2]))
        names = RENAMED.findall(found[1])
        exports.extend([f"{new or old}:{module}.{old}" for old, new in names] or [f"...{module}"])
        return ""

    def declared(found: re.Match[str]) -> str:
        exports.append(found[1])
        return ""

    body = IMPORT.sub(lambda found: _constants(found[1], resolve(name, found[2])), source)
    body = REEXPORT.sub(exported_again, BARE_IMPORT.sub("", body))
    body = DECLARED.sub(declared, EXPORT.sub(exported, body))
    body = LATER.sub(lambda found: f'import("{prefix}{resolve(name, found[1])}")', body)
    if unknown := UNKNOWN.search(body):
        raise ValueError(f"{name} has {unknown[0]!r}, a form of import or export that cannot be joined.")
    return f"(()=>{{{body}\nreturn{{{','.join(exports)}}}}})"


def _constants(taken: str, module: str) -> str:
    """`{a as b}` or `* as c` of an import, as constants that a module's object gives."""
    if taken.startswith("*"):
        return f"const {taken.split()[-1]}={_variable(module)};"
    names = ",".join(f"{old}:{new}" if new else old for old, new in RENAMED.findall(taken))
    return f"const{{{names}}}={_variable(module)};"


def _variable(name: str) -> str:
    """`parts/app.js` is `$parts_app_js` in the bundle."""
    return "$" + re.sub(r"\W", "_", name)
