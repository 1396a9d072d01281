"""`threadline flow convert`."""

import json
from pathlib import Path

from tests.command_line import Run
from tests.flows.flows import content, say
from tests.flows.test_legacy import export, module


def test_a_legacy_export_becomes_a_flow_that_loads(nowhere: Path, run: Run) -> None:
    old = export(module("m", "PlayPrompt", {"Success": "end"}, Text="Grüezi"))
    Path("old.json").write_text("\ufeff" + json.dumps(old), encoding="utf-8")
    done = run("flow", "convert", "old.json")
    assert (done.status, done.err) == (0, "")
    assert "Grüezi" in done.out
    assert run("flow", "convert", "old.json", "-o", "new.json") == (0, "", "")
    assert Path("new.json").read_text(encoding="utf-8") == done.out
    checked = run("flow", "check", "new.json")
    assert checked.out == "new.json: it loads as a flow of type CONTACT_FLOW: 2 actions.\n"


def test_losses_are_told_and_problems_make_the_status_1(nowhere: Path, run: Run) -> None:
    Path("old.json").write_text(json.dumps(export(module("m", "Hologram", {"Success": "end"}))))
    done = run("flow", "convert", "old.json")
    assert (done.status, done.err) == (
        0,
        "old.json: m: Hologram has no counterpart; the flow goes on there.\n",
    )
    Path("old.json").write_text(json.dumps(export(module("m", "CheckAttribute", {"NoMatch": "end"}))))
    done = run("flow", "convert", "old.json")
    assert done.status == 1
    assert "old.json: Action 'm' (Compare): parameter ComparisonValue" in done.err


def test_a_flow_that_is_no_legacy_export_gets_a_sentence(nowhere: Path, run: Run) -> None:
    Path("flow.json").write_text(content(first=say("Hello")))
    done = run("flow", "convert", "flow.json")
    assert (done.status, done.out) == (255, "")
    assert done.err == (
        "threadline: flow.json: The document has no list of modules, which every legacy export has.\n"
    )
