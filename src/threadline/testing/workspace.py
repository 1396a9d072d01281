"""A workspace of a running server, as a test sees it: its ids, ready-made clients, and people to chat with."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from threadline.aws.names import MODELS as MODELS_FOLDER
from threadline.aws.names import snake
from threadline.client.environment import UNSET, variables
from threadline.client.session import LocalServer
from threadline.testing.controls import Controllable
from threadline.testing.environment import applied
from threadline.testing.people import Agent, Customer, Person

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_connect import ConnectClient
    from mypy_boto3_connectparticipant import ConnectParticipantClient

REGION = "us-east-1"
MODELS = str(MODELS_FOLDER)
"""The folder of our own service model, for the AWS_DATA_PATH of a program that is to know it."""


class PastChat(NamedTuple):
    """The contacts of a chat that has ended: a1 in `c1`, a2 after a transfer in `c2`, the survey in `c3`."""

    c1: str
    c2: str
    c3: str


class Workspace(Controllable):
    """One instance of an account, with the demo's flows, queue and users.

    `connect`, `connectparticipant` and `threadline` are boto3's clients; where boto3-stubs are installed, the first two
    have their types. A subprocess reaches the same workspace with the environment variables `env`, and without those in
    `env_unset`. `agents` gives the user ids of `a1` and `a2`.
    """

    def __init__(self, url: str, env: dict[str, str]) -> None:
        self.url = url
        self.env = env
        self.instance_id = env["THREADLINE_INSTANCE_ID"]
        self.contact_flow_id = env["THREADLINE_CONTACT_FLOW_ID"]
        self.survey_flow_id = env["THREADLINE_SURVEY_FLOW_ID"]
        self.queue_id = env["THREADLINE_QUEUE_ID"]
        self.agents = {"a1": env["THREADLINE_AGENT_A1"], "a2": env["THREADLINE_AGENT_A2"]}
        self.people: list[Person] = []
        self._clients: dict[str, Any] = {}

    @property
    def env_unset(self) -> tuple[str, ...]:
        """Names that must not be set beside `env`: a session token or a profile of another account."""
        return UNSET

    def environment(self) -> AbstractContextManager[None]:
        """Set `env` in this process for as long as the block runs, and have boto3 forget its default session.

        Tokens, profiles, configuration files and proxies of the shell do not count meanwhile.
        """
        return applied(self.env, self.env_unset)

    @property
    def connect(self) -> ConnectClient:
        """The boto3 client of Amazon Connect, for this server and account."""
        return self.client("connect")

    @property
    def connectparticipant(self) -> ConnectParticipantClient:
        """The boto3 client of Amazon Connect Participant."""
        return self.client("connectparticipant")

    @property
    def threadline(self) -> Any:
        """The client of the operations that Amazon does not publish: accepting, transferring, explaining."""
        return self.client("threadline")

    @overload
    def client(self, service: Literal["connect"], **options: Any) -> ConnectClient: ...
    @overload
    def client(self, service: Literal["connectparticipant"], **options: Any) -> ConnectParticipantClient: ...
    @overload
    def client(self, service: str, **options: Any) -> Any: ...
    def client(self, service: str, **options: Any) -> Any:
        """Return the client of one of the three services; with `options` (those of boto3's `client`) a new one."""
        if options or service not in self._clients:
            from botocore.config import Config

            own = Config(proxies={}, use_fips_endpoint=False, use_dualstack_endpoint=False)
            made = _session().create_client(
                service,
                **{
                    "endpoint_url": self.url,
                    "region_name": REGION,
                    "aws_access_key_id": self.env["AWS_ACCESS_KEY_ID"],
                    "aws_secret_access_key": self.env["AWS_SECRET_ACCESS_KEY"],
                }
                | options
                | {"config": own.merge(options["config"]) if "config" in options else own},
            )
            if options:
                return made
            self._clients[service] = made
        return self._clients[service]

    def call_participant(self, operation: str, **members: Any) -> dict[str, Any]:
        """The reply to an operation of Amazon Connect Participant. Raises botocore's ClientError for a refusal."""
        reply: dict[str, Any] = getattr(self.connectparticipant, snake(operation))(**members)
        return reply

    def customer(self, name: str = "Casey", **members: Any) -> Customer:
        """Start a chat and connect; `members` are further members of StartChatContact."""
        return self.invite(name, **members).connect()

    def invite(self, name: str = "Casey", **members: Any) -> Customer:
        """Start a chat and leave it to another client to connect with `participant_token`."""
        return Customer(self, name, **members)

    def agent(self, name: str = "a1") -> Agent:
        """Return the user `name`; `accept` takes a chat."""
        return Agent(self, name)

    def past_chat(self) -> PastChat:
        """Play the example of CreatePersistentContactAssociation's documentation up to its end, by real API calls.

        Casey chats with a1 (C1), is transferred to a2 (C2), is asked by the survey (C3), answers and leaves.
        """
        casey = self.customer("Casey")
        a1, a2 = self.agent("a1").accept(casey), self.agent("a2")
        casey.say("My parcel has not come.")
        a1.say("I will ask the depot.")
        c2 = a1.transfer(a2)
        a2.accept(c2)
        a2.say("It left this morning.")
        a2.leave()
        casey.say("Five stars.")
        c3 = casey.see("Five stars.")["ContactId"]
        casey.leave()
        for person in (casey, a1, a2):
            person.drop()
        return PastChat(casey.contact_id, c2, c3)

    def close(self) -> None:
        """Close every socket and connection."""
        for person in self.people:
            person.drop()
        self.people.clear()
        for client in self._clients.values():
            client.close()
        self._clients.clear()


def environment(url: str, ids: dict[str, Any]) -> dict[str, str]:
    """The variables that `threadline env` would print for a workspace of the server at `url`."""
    return variables(LocalServer(Path(), url, ids), environment=os.environ)


@cache
def _session() -> Session:
    """One session for all clients of the process. It reads each service model once, and no AWS configuration file."""
    from botocore.session import Session

    unset = (None, None, None, None)
    session = Session({"profile": unset, "config_file": unset, "credentials_file": unset})
    session.get_component("data_loader").search_paths.append(MODELS)
    return session
