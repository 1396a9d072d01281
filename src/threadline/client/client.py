"""Calls operations of the three services: one signed request each, by the model alone.

The client starts faster than boto3, as a command line makes one call and ends: it has no client classes and no
plug-ins, and its connections end with the command.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol, Self

from threadline.aws import restjson_client
from threadline.aws.model import OperationModel, ServiceModel
from threadline.aws.names import ServiceName
from threadline.aws.sigv4 import sign
from threadline.client import transport, validate
from threadline.client.failures import Failure, ServiceRefusal
from threadline.client.session import Target, is_local, not_answering
from threadline.clock import Clock

Trace = Callable[[OperationModel, restjson_client.HttpRequest, str, restjson_client.HttpReply | None], None]


class Directions(Protocol):
    """Chooses the endpoint of calls: by AWS's rules (`ClientSession`), or one Threadline server (`Destination`)."""

    @property
    def data_folder(self) -> str:
        """The data folder of a local server, for advice."""

    def target(self, service: ServiceModel) -> Target:
        """The endpoint of `service`. Raises BadConfiguration."""

    def load(self, service: ServiceName) -> ServiceModel:
        """The model of `service`."""


class Client:
    """Calls with the endpoint and key of `directions`; a context manager that closes its connections.

    `trace`, if set, is called with each request and reply. With `raw_times` times stay as the service sent them.
    """

    def __init__(self, directions: Directions, options: transport.TransportOptions | None = None) -> None:
        self._directions = directions
        self._options = options or transport.TransportOptions()
        self.trace: Trace | None = None
        self.raw_times = False
        self._targets: dict[str, Target] = {}
        self._transports: dict[str, transport.Transport] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._transports.values():
            connection.close()

    def target(self, service: ServiceName) -> Target:
        """The endpoint of `service`. Raises BadConfiguration."""
        if service not in self._targets:
            self._targets[service] = self._directions.target(self._directions.load(service))
        return self._targets[service]

    def call(self, service: ServiceName, operation: str, **parameters: Any) -> dict[str, Any]:
        """The reply to one operation of the model. Raises BadArguments, ServiceRefusal or Failure."""
        return self.invoke(self._directions.load(service).operations[operation], parameters)

    def pages(self, service: ServiceName, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """The replies to an operation whose replies have a NextToken while there are more, one after the other."""
        page = self.call(service, operation, **parameters)
        yield page
        while token := page.get("NextToken"):
            page = self.call(service, operation, **{**parameters, "NextToken": token})
            yield page

    def entries(
        self, service: ServiceName, operation: str, member: str, **parameters: Any
    ) -> Iterator[dict[str, Any]]:
        """The entries of an operation's list, which is in `member` of its replies."""
        for page in self.pages(service, operation, **parameters):
            yield from page[member]

    def invoke(self, operation: OperationModel, parameters: dict[str, Any]) -> dict[str, Any]:
        """As `call`, for a given operation."""
        target = self.target(operation.service)
        parameters = restjson_client.with_tokens(operation, parameters)
        if operation.input_shape:
            validate.check(operation.input_shape, parameters)
        request = restjson_client.request(operation, parameters)
        for attempt in range(1, self._options.attempts_max + 1):
            last = attempt == self._options.attempts_max
            if attempt > 1:
                transport.wait_before(attempt)
            try:
                reply = self._send(operation, request, target)
            except Failure as failure:
                if isinstance(failure, transport.Unreachable) and is_local(target.url):
                    hint = not_answering(target.url, self._directions.data_folder)
                    raise Failure(f"{failure}\n{hint}") from failure
                if last:
                    raise
                continue
            if reply.status < 300:
                return self._result(operation, reply)
            fault = restjson_client.error(operation, reply)
            busy = reply.status in transport.BUSY_STATUSES or fault.code in transport.BUSY_CODES
            if last or not busy:
                retries = attempt - 1 if busy else 0
                raise ServiceRefusal(
                    operation.name, fault.code, fault.message, retries=retries, members=fault.members
                )
        raise AssertionError("attempts_max is at least 1")

    def _send(
        self, operation: OperationModel, request: restjson_client.HttpRequest, target: Target
    ) -> restjson_client.HttpReply:
        if target.url not in self._transports:
            self._transports[target.url] = transport.Transport(target.url, self._options)
        connection = self._transports[target.url]
        path = connection.base_path + request.path
        headers = {**request.headers, "Host": connection.host}
        if target.credentials:
            stamp = datetime.fromtimestamp(Clock().now_ms() / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
            headers = sign(
                request.method, path, request.query, headers, request.body,
                target.credentials, target.region, operation.model.signing_name, stamp,
            )  # fmt: skip
        full = f"{path}?{request.query}" if request.query else path
        if self.trace:
            self.trace(operation, request._replace(headers=headers), connection.endpoint, None)
        reply = connection.send(request.method, full, headers, request.body)
        if self.trace:
            self.trace(operation, request, connection.endpoint, reply)
        return reply

    def _result(self, operation: OperationModel, reply: restjson_client.HttpReply) -> dict[str, Any]:
        try:
            return restjson_client.result(operation, reply, raw_times=self.raw_times)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise Failure(
                f"Unable to parse response ({error}), invalid response received:\n{reply.body!r}"
            ) from error


def instance_of(client: Client, known: str | None) -> str:
    """`known`, else the id of the server's only instance. Raises Failure when there are several."""
    if known:
        return known
    instances = client.call("connect", "ListInstances")["InstanceSummaryList"]
    if len(instances) == 1:
        return str(instances[0]["Id"])
    raise Failure(f"The server has {len(instances)} instances: say which with --instance-id.")
