from collections.abc import Callable, Iterator

import pytest

from tests.clients.chatjs import Chatjs
from threadline.testing import Agent, Customer, Threadline

Tab = Callable[[Customer | Agent], Chatjs]


@pytest.fixture(params=[5, 3], ids=["chatjs-5", "chatjs-3"])
def major(request: pytest.FixtureRequest) -> int:
    version: int = request.param
    return version


@pytest.fixture
def tab(threadline: Threadline, major: int) -> Iterator[Tab]:
    """Opens browser tabs: each call gives a customer or an agent a chatjs session of its own, connected."""
    tabs: list[Chatjs] = []

    def open_tab(person: Customer | Agent) -> Chatjs:
        role = "AGENT" if isinstance(person, Agent) else "CUSTOMER"
        chatjs = Chatjs(major, threadline.url)
        tabs.append(chatjs)
        return chatjs.join(role, person.contact_id, person.participant_id, person.participant_token)

    yield open_tab
    for chatjs in tabs:
        chatjs.close()
