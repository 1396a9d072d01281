"""Every setting: read from the environment, bounded, and refused in words a person can act on."""

import pytest

from threadline.config import TABLE, BadSettings, Settings
from threadline.setting import Setting

NUMBERS = [row for row in TABLE if row.type is int]


def test_the_table_is_whole() -> None:
    assert len({row.env for row in TABLE}) == len(TABLE)
    for row in TABLE:
        assert row.env == f"THREADLINE_{row.name.upper()}"
        assert row.sentence.endswith(".")
        assert row.complaint(row.default) is None
        assert bool(row.unit) == (row.type is int)


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.name)
def test_a_number_says_its_unit_in_its_name(row: Setting) -> None:
    assert row.name == "port" or row.unit in {
        "bytes",
        "seconds",
        "connections",
        "frames",
        "sockets",
        "attachments",
        "processes",
    }
    assert row.low is not None, "bound it"


def test_what_is_written_to_an_environment_is_read_from_it() -> None:
    settings = Settings(port=0, data=":memory:", rate_limits=True, public_url="https://chat.example")
    assert Settings.read(settings.environment()) == settings
    assert Settings.read({}) == Settings()


def test_a_command_line_wins_over_the_environment() -> None:
    assert Settings.read({"THREADLINE_PORT": "1", "THREADLINE_HOST": "::1"}, port=2) == Settings(
        port=2, host="::1"
    )
    assert Settings.read({"THREADLINE_PORT": "no number"}, port=2).port == 2


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("Yes", True), ("on", True), ("FALSE", False), ("0", False)]
)
def test_switches(text: str, value: bool) -> None:
    assert Settings.read({"THREADLINE_STRICT_LIMITS": text}).strict_limits is value


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("PORT", "many", "THREADLINE_PORT is 'many': write a whole number"),
        ("PORT", "70000", "THREADLINE_PORT is 70000: the maximum is 65535"),
        ("BODY_BYTES_MAX", "1", "the minimum is 1024 (bytes)"),
        ("METRICS_ADDRESS", "metrics", "METRICS_ADDRESS is 'metrics': write HOST:PORT"),
        ("METRICS_ADDRESS", "127.0.0.1:65536", "write HOST:PORT, such as 127.0.0.1:9464"),
        ("RATE_LIMITS", "maybe", "write true or false"),
        ("LOG_FORMAT", "xml", "choose one of human, json"),
        ("PUBLIC_URL", "chat.example", "start it with http:// or https://"),
    ],
)
def test_a_bad_value_is_refused_in_words(name: str, text: str, says: str) -> None:
    with pytest.raises(BadSettings) as refusal:
        Settings.read({f"THREADLINE_{name}": text})
    assert says in str(refusal.value)


def test_all_bad_values_are_named_at_once() -> None:
    with pytest.raises(BadSettings) as refusal:
        Settings(port=-1, log_level="loud", drain_seconds=-1)
    assert len(str(refusal.value).splitlines()) == 3
