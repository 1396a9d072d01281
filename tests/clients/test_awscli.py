import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.awscli import aws_cli
from threadline.testing import Threadline

Aws = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def aws(threadline: Threadline) -> Aws:
    """Runs the genuine AWS CLI with nothing but `threadline env` in its environment."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {
            "PATH": os.environ["PATH"],
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **threadline.env,
        }
        return subprocess.run([aws_cli(), *arguments], env=env, capture_output=True, text=True, check=False)

    return run


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "{}")


def associate(
    aws: Aws, threadline: Threadline, contact_id: str, source: str, mode: str = "FROM_SEGMENT"
) -> Any:
    return aws(
        *("connect", "create-persistent-contact-association"),
        *("--instance-id", threadline.instance_id, "--initial-contact-id", contact_id),
        *("--rehydration-type", mode, "--source-contact-id", source),
    )


def test_a_chat_by_commands_alone(threadline: Threadline, aws: Aws) -> None:
    past = threadline.past_chat()
    here = ("--instance-id", threadline.instance_id)
    started = answer(
        aws(
            *("connect", "start-chat-contact", *here, "--contact-flow-id", threadline.contact_flow_id),
            *("--participant-details", "DisplayName=Casey", "--attributes", "order=17"),
            *("--initial-message", "ContentType=text/plain,Content=Hello"),
        )
    )
    joined = answer(
        aws(
            *("connectparticipant", "create-participant-connection"),
            *(
                "--type",
                "WEBSOCKET",
                "CONNECTION_CREDENTIALS",
                "--participant-token",
                started["ParticipantToken"],
            ),
        )
    )
    token = ("--connection-token", joined["ConnectionCredentials"]["ConnectionToken"])
    associated = answer(associate(aws, threadline, started["ContactId"], past.c1, "ENTIRE_PAST_SESSION"))
    assert associated == {"ContinuedFromContactId": past.c3}
    contact = answer(aws("connect", "describe-contact", *here, "--contact-id", started["ContactId"]))[
        "Contact"
    ]
    assert contact["RelatedContactId"] == past.c3
    assert contact["Attributes"] == {"order": "17"}
    assert contact["InitiationTimestamp"].startswith("20")

    page = answer(aws("connectparticipant", "get-transcript", *token, "--sort-order", "ASCENDING"))
    assert [item["Content"] for item in page["Transcript"]] == ["Hello"]
    older = answer(
        aws(
            *(
                "connectparticipant",
                "get-transcript",
                *token,
                "--sort-order",
                "ASCENDING",
                "--max-results",
                "100",
            ),
            *("--scan-direction", "BACKWARD", "--next-token", page["NextToken"]),
        )
    )
    assert {item["RelatedContactId"] for item in older["Transcript"]} == set(past)
    answer(aws("connectparticipant", "disconnect-participant", *token))


def test_our_own_model_is_one_of_its_services(threadline: Threadline, aws: Aws) -> None:
    casey = threadline.customer()
    accepted = answer(
        aws(
            *("threadline", "accept-contact", "--instance-id", threadline.instance_id),
            *("--contact-id", casey.contact_id, "--user-id", threadline.agents["a1"]),
        )
    )
    assert accepted["ParticipantToken"]


@pytest.mark.parametrize(
    ("mode", "source", "code"),
    [
        ("FROM_SEGMENT", "no-such-contact", "ResourceNotFoundException"),
        ("ENTIRE_PAST_SESSION", "c2", "InvalidRequestException"),
    ],
)
def test_errors_have_their_names_and_254(
    threadline: Threadline, aws: Aws, mode: str, source: str, code: str
) -> None:
    past = threadline.past_chat()._asdict()
    casey = threadline.customer()
    done = associate(aws, threadline, casey.contact_id, past.get(source, source), mode)
    assert done.returncode == 254
    assert (
        f"An error occurred ({code}) when calling the CreatePersistentContactAssociation operation"
        in done.stderr
    )
    assert done.stdout == ""


def test_an_operation_that_is_not_there_is_an_error_with_its_name(threadline: Threadline, aws: Aws) -> None:
    instance = ("--instance-id", threadline.instance_id)
    done = aws("connect", "list-traffic-distribution-groups", *instance, "--no-paginate")
    assert done.returncode == 254
    assert "ListTrafficDistributionGroups" in done.stderr
    assert "not implemented" in done.stderr
