"""`make run RELOAD=1`, with a folder of the test's own in the place of the package."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.http.raw import ask
from tests.processes.supervised import PATIENCE_SECONDS, children_of, gone

RUN = """
import sys
from pathlib import Path
from tools.reload import main
sys.exit(main(sys.argv[2:], Path(sys.argv[1])))
"""


def test_a_changed_file_makes_the_next_worker_serve(tmp_path: Path) -> None:
    source = tmp_path / "rule.py"
    source.write_text("LIMIT = 1")
    arguments = ["--data", ":memory:", "--port", "0"]
    with subprocess.Popen([sys.executable, "-c", RUN, tmp_path, *arguments], stdout=subprocess.PIPE) as tool:
        try:
            assert tool.stdout is not None
            url = tool.stdout.readline().decode().removeprefix("Threadline serves at ").strip()
            (server,) = children_of(tool.pid)
            (worker,) = children_of(server)
            source.write_text("LIMIT = 2")
            assert gone(worker)
            assert ask(url, "GET", "/health").status == 200
            assert children_of(server) != [worker]
            assert children_of(tool.pid) == [server]
        finally:
            tool.send_signal(signal.SIGTERM)
        assert tool.wait(PATIENCE_SECONDS) == 0
