"""Which neighbour answers a call: a URL or a Python function by the name of the action or ARN, or an AWS endpoint."""

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from threadline.clock import monotonic
from threadline.neighbours import bot, lambda_function, wire
from threadline.neighbours.deliveries import Deliveries, Targets
from threadline.neighbours.signature import Signer
from threadline.neighbours.wire import CallFailed

THREADS = 32
"""Calls that run at once; further ones wait for a thread."""
BOT_SECONDS = 10.0
SERVICE_SECONDS = 8.0
ROOTS = {
    "CreateCase": "Case",
    "GetCase": "Case",
    "UpdateCase": "Case",
    "CreateCustomerProfile": "Customer",
    "GetCustomerProfile": "Customer",
    "GetCustomerProfileObject": "Customer",
    "GetCalculatedAttributesForCustomerProfile": "Customer",
    "UpdateCustomerProfile": "Customer",
    "AssociateContactToCustomerProfile": "Customer",
    "CreateWisdomSession": "Wisdom",
    "ConnectParticipantWithAgenticCX": "AgenticCX",
    "EvaluateDataTableValues": "DataTables",
}
"""The root under which a flow reads the answer of a service; External for those that are not here.

Observed: exported flows read `$.DataTables.QUERY.ATTRIBUTE` and `$.AgenticCX.ContextVariables.NAME`.
"""

Handler = Callable[..., Any]
Answer = dict[str, Any]
log = logging.getLogger("threadline.neighbours")


class Neighbours:
    """The neighbours of one server.

    `urls` are by ARN, by the last part of an ARN or by an action's type. `lambda_url` and `lex_url` are endpoints that
    have AWS's own wire. `functions` may be added at any time: a handler takes (event, context) for a function, and the
    request of RecognizeText for a bot.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        lambda_url: str = "",
        lex_url: str = "",
        functions: dict[str, Handler] | None = None,
        deliveries: Deliveries | None = None,
    ) -> None:
        self.deliveries = deliveries or Deliveries(Targets(urls), Signer())
        self._urls = dict(urls)
        self._lambda_url = lambda_url
        self._lex_url = lex_url
        self.functions = {} if functions is None else functions
        self._threads: ThreadPoolExecutor | None = None

    async def call(self, request: Mapping[str, Any]) -> Answer:
        """Make a call that a task has prepared, and return its answer: an outcome and the messages to show.

        It never raises: every failure is an outcome with an error type, and a line in the log. For a delivery see
        `Deliveries.deliver`.
        """
        if request["kind"] == "deliver":
            return await self.deliveries.deliver(request)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, "neighbour")
        loop = asyncio.get_running_loop()
        seconds = float(request.get("seconds") or SERVICE_SECONDS)
        try:
            async with asyncio.timeout(seconds + 1):
                return await loop.run_in_executor(self._threads, self._answer, request, seconds)
        except TimeoutError:
            reason = f"no answer within {seconds:g} seconds"
        except CallFailed as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - a handler of a test may raise anything
            reason = f"{type(error).__name__} in the function"
        log.warning("contact %s: %s: %s", request["contact_id"], request["name"], reason)
        return {"outcome": {"error_type": "NoMatchingError"}, "messages": []}

    def close(self) -> None:
        """Let go of the threads until the next call; calls that run are not waited for."""
        self.deliveries.close()
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

    def _answer(self, request: Mapping[str, Any], seconds: float) -> Answer:
        """Call until there is an answer, or until the time is over."""
        make = {"lambda": self._lambda, "bot": self._bot, "service": self._service}[request["kind"]]
        deadline = monotonic() + seconds
        pause = wire.RETRY_SECONDS
        while True:
            try:
                return make(request, max(deadline - monotonic(), 0.05))
            except CallFailed as error:
                if not error.again or monotonic() + pause >= deadline:
                    raise
            threading.Event().wait(pause)
            pause *= 2

    def _found(self, name: str) -> tuple[str | None, Handler | None]:
        """The URL or the function for a name: by all of it, or by the last part of an ARN."""
        for key in (name, name.rpartition("function:")[2], name.rpartition("/")[2]):
            if key in self.functions or key in self._urls:
                return self._urls.get(key), self.functions.get(key)
        return None, None

    def _lambda(self, request: Mapping[str, Any], seconds: float) -> Answer:
        name, event = request["name"], request["event"]
        url, handler = self._found(name)
        if handler is not None:
            body = json.dumps(handler(event, None)).encode()
        elif url is not None:
            body = wire.post(url, event, request["id"], seconds)
        elif self._lambda_url:
            body = lambda_function.invoke(self._lambda_url, name, event, seconds, waits=request["waits"])
        else:
            raise CallFailed("set AWS_ENDPOINT_URL_LAMBDA, or THREADLINE_NEIGHBOURS=ARN=URL, to invoke it")
        if not request["waits"]:
            return {"outcome": {}, "messages": []}
        external = lambda_function.read_answer(body, is_json=request["is_json"])
        return {"outcome": {"values": {"External": external}}, "messages": []}

    def _bot(self, request: Mapping[str, Any], seconds: float) -> Answer:
        name = request["name"]
        url, handler = self._found(name)
        members = bot.request(
            name, request["contact_id"], request["locale"], request["text"], request["attributes"]
        )
        if handler is not None:
            response = handler(members)
        elif url is not None:
            response = wire.read_object(wire.post(url, members, request["id"], seconds))
        elif self._lex_url:
            response = bot.recognize_text(self._lex_url, members, name.split(":")[3] or "us-east-1", seconds)
        else:
            raise CallFailed(
                "set AWS_ENDPOINT_URL_LEX_RUNTIME_V2, or THREADLINE_NEIGHBOURS=ARN=URL, to ask it"
            )
        messages, intent, lex = bot.read_response(response)
        return {"outcome": {"result": intent, "values": {"Lex": lex}}, "messages": messages}

    def _service(self, request: Mapping[str, Any], seconds: float) -> Answer:
        name = request["name"]
        url, handler = self._found(name)
        event = {**request["event"], "Action": name}
        if handler is not None:
            body = json.dumps(handler(event, None)).encode()
        elif url is not None:
            body = wire.post(url, event, request["id"], seconds)
        else:
            raise CallFailed(f"set THREADLINE_NEIGHBOURS={name}=URL to run it")
        values = lambda_function.read_answer(body, is_json=True)
        error, result = values.pop("ErrorType", None), values.pop("Result", None)
        outcome: dict[str, Any] = {"values": {ROOTS.get(name, "External"): values}}
        if error is not None:
            outcome["error_type"] = str(error)
        if result is not None:
            outcome["result"] = str(result)
        return {"outcome": outcome, "messages": []}
