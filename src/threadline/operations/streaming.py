"""The operations that stream a chat's messages to a topic of SNS, and stop it."""

from threadline.chat.contact import Session
from threadline.chat.streams import MESSAGE_BIT, MESSAGE_STREAMS_MAX, TOPIC_ARN, Stream, StreamKind
from threadline.errors import Fault
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.operations.sessions import require
from threadline.operations.streams import add_stream
from threadline.store import Tx

INVALID = "InvalidRequestException"


@operation("connect", scope=("instance_id", "contact_id"))
def start_contact_streaming(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str,
    chat_streaming_configuration: Document,
    client_token: str,
) -> Reply:
    """Stream the messages and events of a running chat to a topic, from now on.

    Writes: a stream, which is a place in the log. The entries go to the topic in their order, each at least once.
    Faults: ResourceNotFoundException for an instance or contact that does not exist; InvalidParameterException for an
        ARN that is no standard topic's; InvalidRequestException for a chat that has ended, and for a topic that no
        setting leads to; LimitExceededException for a third stream.
    Source: StartContactStreaming.
    Assumed: ContactId may be any contact of the chat; the stream is the chat's, and goes on after a transfer.
    Assumed: a topic that the chat is streamed to already counts as a further stream.
    Assumed: the stream has the entries that GetTranscript shows to all, and messages for one participant. The role of
        that participant is the MessageVisibility. Typing and receipts are not streamed.
    """
    require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, contact_id)
    topic = check_topic(tx, chat_streaming_configuration)
    if session.ended_at_ms is not None:
        raise Fault(INVALID, f"Contact {contact.id} is not active: its chat has ended.")
    count = tx.row("count_streams", int, session=session.key) or 0
    if count >= MESSAGE_STREAMS_MAX:
        raise Fault(
            "LimitExceededException",
            f"The chat is streamed to {count} endpoints, which is as many as it may have. Stop one first.",
        )
    stream_id = add_stream(tx, session, StreamKind.MESSAGES, topic, session.last_seq)
    return {"StreamingId": stream_id}


@operation("connect")
def stop_contact_streaming(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_id: str, streaming_id: str
) -> Reply:
    """Stop a stream of messages.

    Writes: the stream's end. Faults: ResourceNotFoundException. Source: StopContactStreaming.
    Assumed: the entries up to now are still delivered.
    Assumed: stopping a stream again, or that of a chat that has ended, changes nothing and succeeds.
    """
    require_instance(tx, caller, instance_id)
    session, _ = require(tx, instance_id, contact_id)
    stream = tx.row("stream", Stream, session=session.key, id=streaming_id)
    if stream is None or stream.kind != StreamKind.MESSAGES:
        raise Fault("ResourceNotFoundException", f"Streaming not found: {streaming_id}")
    tx.run("stop_stream", session=session.key, id=stream.id, last_seq=session.last_seq)
    return {}


def check_topic(tx: Tx, configuration: Document | None) -> str:
    """The ARN of the topic of a configuration; empty without one. Faults: see `start_contact_streaming`."""
    if configuration is None:
        return ""
    arn = str(configuration["StreamingEndpointArn"])
    if TOPIC_ARN.fullmatch(arn) is None:
        raise Fault(
            "InvalidParameterException",
            f"StreamingEndpointArn {arn[:100]!r} is not the ARN of a standard SNS topic, such as"
            " arn:aws:sns:us-east-1:123456789012:chat.",
        )
    topics = tx.policy.topics
    if topics is not None and not {arn, arn.rpartition(":")[2]} & set(topics):
        raise Fault(
            INVALID,
            f"No message can reach {arn}: the server needs AWS_ENDPOINT_URL_SNS, or THREADLINE_NEIGHBOURS={arn}=URL.",
        )
    return arn


def stream_to(tx: Tx, session: Session, topic: str) -> Session:
    """Stream a new chat to a topic, if one is given, from its first entry on. Return the changed session."""
    if not topic:
        return session
    add_stream(tx, session, StreamKind.MESSAGES, topic)
    return session._replace(streamed=session.streamed | MESSAGE_BIT)
