"""The sentences of plays about a messaging bridge."""

from tests.scenarios.plays import Play, sentence
from tests.streams.aws import Aws, until
from tests.streams.bridge import Bridge


def aws_of(play: Play) -> Aws:
    found = play.around["aws"]
    assert isinstance(found, Aws)
    return found


def bridge_of(play: Play) -> Bridge:
    found = play.around["bridge"]
    assert isinstance(found, Bridge)
    return found


@sentence(r"a bridge starts a chat, has it streamed and joins it: (\w+)")
def bridge_starts(play: Play, name: str) -> None:
    bridge = play.around["bridge"] = Bridge(play.threadline, aws_of(play).topic())
    play.call(bridge.contact_id, name)


@sentence(r'the bridge sends "(.*)"')
def bridge_sends(play: Play, text: str) -> None:
    bridge_of(play).say(text)


@sentence(r'the bridge hears "(.*)"')
def bridge_hears(play: Play, text: str) -> None:
    until(lambda: bridge_of(play).topic.texts, lambda texts: text in texts)


@sentence(r"SNS is away")
def sns_is_away(play: Play) -> None:
    aws_of(play).take_away()


@sentence(r"SNS is back")
def sns_is_back(play: Play) -> None:
    aws_of(play).bring_back()


@sentence(r"the server says that (\w+) is not delivered")
def is_not_delivered(play: Play, name: str) -> None:
    server = play.threadline
    until(
        lambda: server.threadline.list_deliveries(InstanceId=server.instance_id)["Deliveries"],
        lambda found: (
            [(each["ContactId"], each["Status"]) for each in found] == [(play.contacts[name], "RETRYING")]
        ),
    )


@sentence(r"(Agent \w+) and the bridge send (\d+) messages")
def send_many(play: Play, who: str, count: str) -> None:
    for number in range(int(count)):
        if number % 2:
            play.people[who].say(f"message {number}")
        else:
            bridge_of(play).say(f"message {number}")


@sentence(r"the bridge stops the stream")
def bridge_stops(play: Play) -> None:
    bridge, server = bridge_of(play), play.threadline
    server.connect.stop_contact_streaming(
        InstanceId=server.instance_id, ContactId=bridge.contact_id, StreamingId=bridge.streaming_id
    )


@sentence(r'the bridge has heard every item up to "(.*)", once and in order, and no other')
def bridge_has_heard(play: Play, text: str) -> None:
    heard, written = [
        [(item["Id"], item.get("Content")) for item in items]
        for items in (bridge_of(play).heard(), bridge_of(play).written())
    ]
    last = [content for _, content in written].index(text)
    assert heard == written[: last + 1], f"it has heard {heard}"
