"""The API of a server whose requests are counted for `/metrics`. Without that setting a server has a plain `Api`."""

from typing import Any

from threadline.clock import monotonic
from threadline.http.request import Request
from threadline.server.api import Answer, Api
from threadline.server.measures import RequestCounts

NO_CALLS = (b"/health", b"/ready")


class CountedApi(Api):
    """An API that counts its requests by operation and status, with their latency."""

    def __init__(self, counts: RequestCounts, *rest: Any) -> None:
        super().__init__(*rest)
        self._counts = counts

    async def _answer(self, request: Request, request_id: str) -> Answer:
        began = monotonic()
        answer = await super()._answer(request, request_id)
        if request.raw_path not in NO_CALLS and request.method != "OPTIONS":
            operation = answer.operation.name if answer.operation is not None else "-"
            self._counts.add(operation, answer.status, monotonic() - began)
        return answer
