"""A command line makes one call and ends, so the client loads little."""

import subprocess
import sys

FOR_SERVERS = {"botocore", "email.utils", "logging", "msgspec", "regex", "threadline.errors", "traceback"}


def test_a_client_loads_no_module_that_only_a_server_needs() -> None:
    code = "import sys, threadline.client.client; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not FOR_SERVERS & set(loaded.split())
