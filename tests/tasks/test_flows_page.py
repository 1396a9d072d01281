"""The example of docs/flows.md runs as it stands."""

from pathlib import Path
from typing import Any

from tests.flows.flows import content, do, say, wait
from threadline.testing import Threadline

PAGE = Path(__file__).parents[2] / "docs" / "flows.md"
GREETING = content(
    ask=do(
        "InvokeLambdaFunction",
        {"LambdaFunctionARN": "arn:aws:lambda:us-east-1:123456789012:function:look-up"},
        "greet",
        NoMatchingError="end",
    ),
    greet=say("Hello $.External.name", "stay"),
    stay=wait("60"),
)


def test_the_example_of_the_page(threadline: Threadline) -> None:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("```python\n")
    names: dict[str, Any] = {"GREETING": GREETING}
    exec(rest.partition("```")[0], names)
    names["test_the_flow_greets_by_name"](threadline)
