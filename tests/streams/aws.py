"""AWS's services as moto serves them, which a test can take away for a while; and what they were given."""

import base64
import json
import warnings
from collections.abc import Callable, Iterator
from threading import Event
from time import monotonic
from typing import Any, TypeVar

import boto3
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from moto.server import ThreadedMotoServer

T = TypeVar("T")
PATIENCE_SECONDS = 60
KEYS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


class Aws:
    """moto's server: SNS, SQS, EventBridge, Kinesis. What it knows outlives `take_away` and `bring_back`."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        self._server.start()
        _, self.port = self._server.get_host_and_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._made = 0

    def take_away(self) -> None:
        """Refuse connections from now on."""
        self._server.stop()

    def bring_back(self) -> None:
        """Take connections again, on the same port."""
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port)
        self._server.start()

    def close(self) -> None:
        """End the server."""
        self._server.stop()

    def client(self, service: str) -> Any:
        """The boto3 client of a service."""
        return boto3.client(service, endpoint_url=self.url, **KEYS)

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"{kind}-{self.port}-{self._made}"

    def topic(self) -> "Topic":
        """A new topic of SNS with a queue of SQS behind it."""
        return Topic(self, self._name("topic"))

    def bus(self) -> "Bus":
        """A new event bus with a queue of SQS behind it."""
        return Bus(self, self._name("bus"))

    def kinesis(self) -> "Records":
        """A new stream of Kinesis."""
        return Records(self, self._name("stream"))


class Queue:
    """A queue of SQS and what has come to it."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._sqs = aws.client("sqs")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.queue_arn = attributes["Attributes"]["QueueArn"]
        self.bodies: list[dict[str, Any]] = []

    def look(self) -> list[dict[str, Any]]:
        """All that has come until now, oldest first."""
        while found := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                self.bodies.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self.bodies


class Topic(Queue):
    """A topic of SNS whose notifications go to a queue."""

    def __init__(self, aws: Aws, name: str) -> None:
        super().__init__(aws, name)
        sns = aws.client("sns")
        self.arn = sns.create_topic(Name=name)["TopicArn"]
        sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=self.queue_arn)

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items that were published, each as its message has it."""
        return [json.loads(body["Message"]) for body in self.look()]

    @property
    def texts(self) -> list[str]:
        """The contents of the messages that were published."""
        return [item["Content"] for item in self.items if item["Type"] == "MESSAGE"]

    @property
    def attributes(self) -> list[dict[str, str]]:
        """The attributes of each notification, by name."""
        return [
            {name: value["Value"] for name, value in body["MessageAttributes"].items()}
            for body in self.look()
        ]


class Bus(Queue):
    """An event bus of EventBridge whose contact events go to a queue."""

    def __init__(self, aws: Aws, name: str) -> None:
        super().__init__(aws, name)
        events = aws.client("events")
        self.arn = events.create_event_bus(Name=name)["EventBusArn"]
        pattern = json.dumps({"source": ["aws.connect"]})
        events.put_rule(Name=name, EventBusName=name, EventPattern=pattern)
        events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "1", "Arn": self.queue_arn}])


class Records:
    """A stream of Kinesis and the records on it."""

    def __init__(self, aws: Aws, name: str) -> None:
        self._kinesis = aws.client("kinesis")
        self._kinesis.create_stream(StreamName=name, ShardCount=1)
        self.arn = self._kinesis.describe_stream(StreamName=name)["StreamDescription"]["StreamARN"]
        self._name = name

    def look(self) -> list[dict[str, Any]]:
        """All records until now, oldest first."""
        (shard,) = self._kinesis.list_shards(StreamName=self._name)["Shards"]
        at = self._kinesis.get_shard_iterator(
            StreamName=self._name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found = self._kinesis.get_records(ShardIterator=at)["Records"]
        return [json.loads(_plain(record["Data"])) for record in found]


def _plain(data: bytes) -> bytes:
    return data if data.startswith(b"{") else base64.b64decode(data)


def until(look: Callable[[], T], holds: Callable[[T], bool]) -> T:
    """Look again and again until it holds; the failure says what was seen last."""
    deadline = monotonic() + PATIENCE_SECONDS
    while not holds(seen := look()):
        assert monotonic() < deadline, f"seen in {PATIENCE_SECONDS} seconds: {seen}"
        Event().wait(0.02)
    return seen


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """moto's server for the run."""
    served = Aws()
    yield served
    served.close()
