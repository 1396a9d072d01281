"""The parts of the package, and the modules that each may import. `test_house` holds the package to them."""

# The package itself holds its version and nothing else, so that every part may import it.
LIGHT = {"errors", "setting", "clock", "config", "jsontext", "extras"}
CORE = {"operations.registry", "operations.idempotency", "operations.continuations", "operations.instances"}
POLICY = {"controls", "encryption"}
BELOW_SERVER = {
    "style",
    "datadir",
    *POLICY,
    "chat",
    "store",
    "operations",
    "resources",
    "tasks",
    "bus",
    "aws",
    "http",
    "neighbours",
    "objects",
    "audit",
}

# The modules that a part of the package may import: of the other parts, and from outside the standard library.
# The first row that a module's name starts with is its own; each part may import itself. There is no row for the rest:
# a new part needs a row.
PARTS: dict[str, tuple[set[str], set[str]]] = {
    "errors": (set(), set()),
    "clock": ({"errors"}, set()),
    "setting": (set(), set()),
    "config": ({"errors", "setting"}, set()),
    "jsontext": (set(), set()),
    "extras": (set(), set()),
    "style": (set(), set()),
    "commands": (set(), set()),
    "datadir": ({"clock"}, set()),
    "controls": (set(), set()),
    "encryption": (set(), {"cryptography"}),
    "objects": ({"clock", "encryption"}, {"cryptography", "obstore"}),
    "chat": ({"errors", *POLICY}, {"regex"}),
    "flows": ({"errors", "jsontext"}, set()),
    "store": ({"errors", "clock", "datadir", "chat"}, {"apsw", "greenlet", "msgspec", "psycopg"}),
    "aws": ({*LIGHT}, {"botocore", "dateutil", "msgspec", "regex"}),
    "audit": ({*LIGHT, "aws"}, {"msgspec"}),
    "http": ({*LIGHT}, {"httptools", "websockets"}),
    "operations.registry": (
        {"errors", "operations.continuations", "operations.idempotency", "store"},
        {"msgspec"},
    ),
    "operations.idempotency": ({"errors", "clock", "store"}, {"msgspec"}),
    "operations.continuations": ({"store"}, set()),
    "operations.instances": ({"errors", "operations.registry", "store"}, set()),
    "operations.units": ({"operations", "store", "aws"}, {"msgspec"}),
    "operations.test_controls": (
        {"errors", "clock", "controls", "chat", "operations", "resources", "store", "aws"},
        set(),
    ),
    "operations": (
        {*LIGHT, *CORE, "encryption", "chat", "flows", "objects", "resources", "store"},
        {"msgspec"},
    ),
    "resources": ({*LIGHT, *CORE, "chat", "flows", "objects", "store"}, {"msgspec"}),
    "tasks": ({*LIGHT, "chat", "flows", "store", "operations", "resources"}, set()),
    "neighbours": ({*LIGHT}, {"botocore", "cryptography", "urllib3"}),
    "bus": ({*LIGHT, "chat", "store", "operations"}, {"msgspec", "nats"}),
    "server": ({*LIGHT, *BELOW_SERVER}, {"prometheus_client"}),
    "processes": (
        {*LIGHT, "style", "datadir", "chat", "store", "operations", "http", "server"},
        {"msgspec", "uvloop"},
    ),
    "client": ({*LIGHT, "datadir", "aws"}, {"*"}),
    "awscli": ({*LIGHT, "commands", "style", "aws", "client"}, {"*"}),
    "cli": (
        {
            *LIGHT,
            "commands",
            "datadir",
            "style",
            "flows",
            "store",
            "aws",
            "client",
            "awscli",
            "processes",
            "audit",
            "objects",
        },
        {"*"},
    ),
    "testing": (
        {*LIGHT, "controls", "datadir", "aws", "client", "server", "operations", "neighbours"},
        {"*"},
    ),
    "__init__": (set(), set()),
    "__main__": ({"cli"}, set()),
}
