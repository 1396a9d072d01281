"""`threadline flow draw`."""

import json
from pathlib import Path

from tests.command_line import Run
from tests.flows.flows import content, document, say


def test_a_flow_is_drawn_to_standard_output_or_a_file(nowhere: Path, run: Run) -> None:
    Path("flow.json").write_text(content(first=say("Hello")))
    done = run("flow", "draw", "flow.json")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("<svg ")
    assert run("flow", "draw", "flow.json", "-o", "flow.svg") == (0, "", "")
    assert Path("flow.svg").read_text() == done.out


def test_blocks_may_stand_where_the_editor_has_them(nowhere: Path, run: Run) -> None:
    flow = document(first=say("Hello"))
    flow["Metadata"]["ActionMetadata"] = {
        "first": {"position": {"x": 100, "y": 50}},
        "end": {"position": {"x": 500, "y": 300}},
    }
    Path("flow.json").write_text(json.dumps(flow))
    done = run("flow", "draw", "--positions", "flow.json")
    assert 'translate(540 337.5)"><title>end</title>' in done.out
    del flow["Metadata"]["ActionMetadata"]["end"]
    Path("flow.json").write_text(json.dumps(flow))
    done = run("flow", "draw", "--positions", "flow.json")
    assert (done.status, done.out) == (255, "")
    assert done.err == ("threadline: flow.json: the action 'end' has no position. Leave out --positions.\n")


def test_a_flow_that_does_not_load_and_a_folder_without_room_get_a_sentence(nowhere: Path, run: Run) -> None:
    Path("flow.json").write_text(content(first=say("Hello", "nowhere")))
    done = run("flow", "draw", "flow.json")
    assert (done.status, done.out) == (255, "")
    assert "NextAction leads to 'nowhere'" in done.err
    assert done.err.endswith("See: threadline flow check flow.json\n")
    Path("flow.json").write_text(content(first=say("Hello")))
    done = run("flow", "draw", "flow.json", "-o", "missing/flow.svg")
    assert done.err == "threadline: missing/flow.svg: No such file or directory.\n"
