"""The text of a first start: it fits 80 columns, and its commands are whole, however long the data folder's path is."""

import shlex

import pytest

from threadline.cli.welcome import screen

COLUMNS = 80
LONG = "projects/customers/persistent-chat/experiments/of-this-winter"


@pytest.mark.parametrize("data", ["./data", ":memory:", "/tmp/x", LONG, f"{LONG}/a b"])
def test_every_line_fits_but_for_a_path_that_is_longer(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/x/threadline"])
    too_long = [line for line in screen(data).splitlines() if len(line) > COLUMNS]
    assert all(shlex.quote(data) in line for line in too_long), too_long
    assert not too_long or len(data) > len(LONG)


@pytest.mark.parametrize("data", ["/tmp/x", LONG, f"{LONG}/a b"])
def test_the_commands_name_the_data_folder(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/x/threadline"])
    text = screen(data).replace("\\\n", " ")
    [demo] = [line for line in text.splitlines() if "threadline demo" in line]
    assert shlex.split(demo)[-3:] == ["demo", "--data", data]
    [env] = [line for line in text.splitlines() if line.strip().startswith("eval")]
    assert shlex.split(env.strip().removeprefix('eval "$(').removesuffix(')"'))[-3:] == [
        "env",
        "--data",
        data,
    ]
