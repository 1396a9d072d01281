"""`threadline import` of folders that were made to do harm."""

import os
from pathlib import Path

from tests.cli.test_import import C1, C2, item, put, transcript
from tests.command_line import Run
from threadline.testing import Threadline


def test_hostile_files_of_a_folder_are_refused_and_the_others_come(threadline: Threadline, here: Run) -> None:
    put("in/good.json", transcript(C1, item(1, "first")))
    put("secret.json", transcript(C2, item(1, "secret")))
    for name, target in (
        ("circle.json", "circle.json"),
        ("gone.json", "nothing"),
        ("out.json", "../secret.json"),
        ("zero.json", "/dev/zero"),
        ("up", ".."),
    ):
        Path("in", name).symlink_to(target)
    os.mkfifo("in/pipe.json")
    put("in/deep.json", f'{{"ContactId":"deep","Transcript":{"[" * 100_000}{"]" * 100_000}}}')
    done = here("import", "in")
    assert (done.status, done.out) == (1, "1 contacts with 1 items imported, 6 refused.\n")
    assert [line.partition(": ")[::2] for line in done.err.splitlines()] == [
        ("refused in/circle.json", "cannot be read: Too many levels of symbolic links"),
        ("refused in/deep.json", "not JSON: maximum recursion depth exceeded while deserializing an object"),
        ("refused in/gone.json", "cannot be read: No such file or directory"),
        ("refused in/out.json", "cannot be read: it is a link that leads out of the folder"),
        ("refused in/pipe.json", "cannot be read: it is neither a file nor a folder"),
        ("refused in/zero.json", "cannot be read: it is neither a file nor a folder"),
    ]
