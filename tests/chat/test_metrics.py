"""The metrics of a contact, from its messages alone."""

from tests.chat.rows import contact
from threadline.chat.metrics import Sent, chat_metrics


def test_bots_count_as_turns_and_not_as_responses() -> None:
    messages = [
        Sent("SYSTEM", None, 10, 1_000),
        Sent("CUSTOMER", "c", 3, 2_000),
        Sent("CUSTOMER", "c", 3, 3_000),
        Sent("SYSTEM", None, 5, 4_000),
        Sent("CUSTOMER", "c", 1, 5_000),
        Sent("AGENT", "a", 2, 7_500),
        Sent("AGENT", "a", 2, 8_000),
        Sent("CUSTOMER", "c", 1, 9_000),
    ]
    metrics = chat_metrics(contact("A", 0, accepted_at_ms=4_500, disconnected_at_ms=9_900), messages)
    assert metrics["ChatContactMetrics"] == {
        "MultiParty": False,
        "TotalMessages": 8,
        "TotalBotMessages": 2,
        "TotalBotMessageLengthInChars": 15,
        "ConversationCloseTimeInMillis": 900,
        "ConversationTurnCount": 2,
        "AgentFirstResponseTimestamp": 7_500,
        "AgentFirstResponseTimeInMillis": 3_000,
    }
    assert metrics["AgentMetrics"] == {
        "ParticipantId": "a",
        "ParticipantType": "AGENT",
        "MessagesSent": 2,
        "NumResponses": 1,
        "MessageLengthInChars": 4,
        "TotalResponseTimeInMillis": 2_500,
        "MaxResponseTimeInMillis": 2_500,
        "LastMessageTimestamp": 8_000,
    }
    assert metrics["CustomerMetrics"]["NumResponses"] == 1


def test_a_contact_without_messages() -> None:
    metrics = chat_metrics(contact("A", 0), [])
    assert metrics["AgentMetrics"] is metrics["CustomerMetrics"] is None
    assert metrics["ChatContactMetrics"]["TotalMessages"] == 0
    assert metrics["ChatContactMetrics"]["AgentFirstResponseTimestamp"] is None
