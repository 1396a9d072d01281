"""Pages of a list, merged or cut by `--max-items`, `--page-size` and `--starting-token`.

A token that resumes in the middle of a page is base64 of JSON, the same that botocore's paginators write and read.
Every paginated operation of the models has one list (`result_key`), and its tokens are called NextToken.
"""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

from threadline.client.failures import Failure

TOKEN = "NextToken"
CUT = "boto_truncate_amount"


class Pages:
    """The pages of one call; iterate once. `resume_token` is set when `max_items` cut items off."""

    def __init__(
        self,
        call: Callable[[dict[str, Any]], dict[str, Any]],
        rule: dict[str, Any],
        parameters: dict[str, Any],
        *,
        max_items: int | None = None,
        page_size: int | str | None = None,
        starting_token: str | None = None,
    ) -> None:
        self._call = call
        self.result_key: str = rule["result_key"]
        self._once: list[str] = rule.get("non_aggregate_keys", [])
        self._parameters = dict(parameters)
        self._max_items = max_items
        self._start: dict[str, Any] = {TOKEN: None}
        self._skip = 0
        self.resume_token: str | None = None
        self.first: dict[str, Any] = {}
        if starting_token is not None:
            self._start, self._skip = _decoded(starting_token)
            self._go_to(self._start)
        self._starts_inside = starting_token is not None
        if page_size is not None:
            self._parameters[rule["limit_key"]] = page_size

    def __iter__(self) -> Iterator[dict[str, Any]]:
        count, token, skipped = 0, self._start, self._skip
        previous = None
        while True:
            page = self._call(self._parameters)
            if previous is None:
                self.first = {key: page.get(key) for key in self._once}
                if self._starts_inside and isinstance(page.get(self.result_key), list):
                    page[self.result_key] = page[self.result_key][skipped:]
            items = page.get(self.result_key) or []
            over = count + len(items) - self._max_items if self._max_items is not None else 0
            if over > 0:
                keep = len(items) - over
                page[self.result_key] = items[:keep]
                self.resume_token = _encoded({**token, CUT: keep + skipped})
                yield page
                return
            yield page
            count += len(items)
            token, skipped = {TOKEN: page.get(TOKEN) or None}, 0
            if token[TOKEN] is None:
                return
            if count == self._max_items:
                self.resume_token = _encoded(token)
                return
            if token == previous:
                raise Failure(
                    f"Error during pagination: The same next token was received twice: {token[TOKEN]!r}"
                )
            previous = token
            self._go_to(token)

    def _go_to(self, token: dict[str, Any]) -> None:
        for name, value in token.items():
            self._parameters.pop(name, None)
            if value is not None and value != "None":
                self._parameters[name] = value

    def merged(self) -> dict[str, Any]:
        """All pages as one reply."""
        items: list[Any] | None = None
        for page in self:
            more = page.get(self.result_key)
            if more is not None:
                items = [*(items or []), *more]
        whole: dict[str, Any] = {} if items is None else {self.result_key: items}
        whole.update(self.first)
        if self.resume_token is not None:
            whole[TOKEN] = self.resume_token
        return whole


def _encoded(token: dict[str, Any]) -> str:
    """A token for `--starting-token`. Raises Failure when the given one names no page."""
    if token.keys() - {CUT} != {TOKEN}:
        raise Failure(f"Bad starting token: {token}")
    return base64.b64encode(json.dumps(token).encode()).decode()


def _decoded(text: str) -> tuple[dict[str, Any], int]:
    """The parameters of the next page and the number of items to skip in it. Any other text is a token of the service.

    Raises Failure for a token that is neither.
    """
    try:
        token = json.loads(base64.b64decode(text).decode())
    except ValueError:
        return _old_token(text)
    if isinstance(token, list) or (not isinstance(token, dict) and "___" in text):
        return _old_token(text)
    skip = token.pop(CUT, 0) if isinstance(token, dict) else ""
    if not isinstance(skip, int | None):
        raise Failure(f"Bad starting token: {text}")
    token.pop("boto_encoded_keys", None)
    return token, skip or 0


def _old_token(text: str) -> tuple[dict[str, Any], int]:
    """A token of the old form `TOKEN___7`, or one of the service. Raises Failure for any other text."""
    own, *rest = text.split("___")
    if len(rest) > 1:
        raise Failure(f"Bad starting token: {text}")
    try:
        skip = int(rest[0]) if rest else 0
    except ValueError:
        own, skip = text, 0
    return {TOKEN: own}, skip
