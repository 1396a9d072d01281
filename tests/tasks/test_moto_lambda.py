"""A flow's Lambda function behind moto, which stands where AWS would.

moto runs a function's code in Docker. Without it, `use_docker` false, it checks the call and gives prepared results.
"""

import io
import json
import urllib.request
import zipfile
from collections.abc import Iterator

import pytest

from tests.flows.flows import Document, content, do, say
from tests.streams.aws import Aws
from threadline.testing import Threadline

NAME = "look-up"


def post(aws: Aws, path: str, document: Document) -> None:
    """Tell moto's own API something."""
    body, headers = json.dumps(document).encode(), {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(aws.url + path, body, headers)) as reply:
        assert reply.status == 201


def code() -> bytes:
    """A function's code as a zip file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("main.py", "def handler(event, context): ...")
    return packed.getvalue()


@pytest.fixture
def aws() -> Iterator[tuple[Aws, str]]:
    """moto with a function, and the ARN of the function."""
    aws = Aws()
    try:
        post(aws, "/moto-api/config", {"lambda": {"use_docker": False}})
        role = aws.client("iam").create_role(RoleName=NAME, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        made = aws.client("lambda").create_function(
            FunctionName=NAME,
            Runtime="python3.11",
            Role=role,
            Handler="main.handler",
            Code={"ZipFile": code()},
        )
        yield aws, made["FunctionArn"]
    finally:
        aws.client("lambda").delete_function(FunctionName=NAME)
        aws.client("iam").delete_role(RoleName=NAME)
        post(aws, "/moto-api/config", {"lambda": {"use_docker": True}})
        aws.close()


def test_a_flow_invokes_a_function_of_moto(aws: tuple[Aws, str]) -> None:
    server, arn = aws
    post(server, "/moto-api/static/lambda-simple/response", {"results": [json.dumps({"name": "Ada"})]})
    missing = f"{arn}-2"
    flow = content(
        call=do("InvokeLambdaFunction", {"LambdaFunctionARN": arn}, "shown", NoMatchingError="failed"),
        shown=say("Hello $.External.name", "missing"),
        missing=do("InvokeLambdaFunction", {"LambdaFunctionARN": missing}, "failed", NoMatchingError="sorry"),
        sorry=say("There is no such function."),
        failed=say("failed"),
    )
    with Threadline(lambda_url=server.url) as threadline:
        made = threadline.connect.create_contact_flow(
            InstanceId=threadline.instance_id, Name="Greeting", Type="CONTACT_FLOW", Content=flow
        )
        casey = threadline.customer(ContactFlowId=made["ContactFlowId"])
        casey.see("Hello Ada")
        casey.see("There is no such function.")
