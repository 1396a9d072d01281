"""The sentences of plays about files, and about chats that are read after their end."""

from typing import Any

from tests.scenarios.plays import WHO, Play, sentence
from threadline.testing.people import Item

TYPES = {"png": "image/png", "pdf": "application/pdf", "txt": "text/plain"}


def bytes_of(name: str) -> bytes:
    """The bytes of a file in a play: it has no others of that name."""
    return f"the bytes of {name}".encode() * 1_000


@sentence(rf'{WHO} attaches "([\w.]+)"')
def attaches(play: Play, who: str, name: str) -> None:
    kind = TYPES[name.rpartition(".")[2]]
    play.around[name] = play.people[who].attach(name, bytes_of(name), kind)


@sentence(rf'{WHO} gets "([\w.]+)"')
def gets(play: Play, who: str, name: str) -> None:
    answer = play.people[who].attachment(str(play.around[name]))
    assert answer.status == 200, answer
    assert answer.body == bytes_of(name), f"it has {len(answer.body)} other bytes"


@sentence(rf"{WHO} is shown the files (none|[\w., ]+)")
def is_shown_files(play: Play, who: str, files: str) -> None:
    shown = [_file(play, item) for item in play.people[who].history() if item["Type"] == "ATTACHMENT"]
    assert ", ".join(reversed(shown)) == ("" if files == "none" else files), f"it is shown {shown}"


def _file(play: Play, item: Item) -> str:
    (attachment,) = item["Attachments"]
    return (
        f"{attachment['AttachmentName']} on {play.names[item.get('RelatedContactId') or item['ContactId']]}"
    )


@sentence(r"(Customer(?: \w+)?) gets a read token for (\w+), for (\d+) minutes")
def gets_read_token(play: Play, who: str, name: str, minutes: str) -> None:
    """The backend asks for the token. The customer uses it in place of a connection token."""
    server = play.threadline
    reply: Any = server.threadline.create_read_token(
        InstanceId=server.instance_id, ContactId=play.contacts[name], DurationInMinutes=int(minutes)
    )
    play.people[who].connection_token = reply["ReadToken"]
