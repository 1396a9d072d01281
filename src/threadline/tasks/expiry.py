"""The two tasks that end a chat by time: its duration, and the time within which the customer must connect."""

from threadline.chat.contact import Reason
from threadline.operations.continuations import continuation
from threadline.operations.sessions import customer_in, end_session, participants_of, session_of
from threadline.store import Task, Tx


@continuation("expire")
def expire(tx: Tx, task: Task) -> None:
    """End a chat whose duration is over. Source: StartChatContact, ChatDurationInMinutes."""
    session = session_of(tx, task.session or 0)
    if session.ended_at_ms is None:
        end_session(tx, session, Reason.EXPIRED)


@continuation("connect_by")
def connect_by(tx: Tx, task: Task) -> None:
    """End a chat whose customer has not connected within five minutes. Source: StartChatContact."""
    session = session_of(tx, task.session or 0)
    customer = customer_in(participants_of(tx, session.key))
    if session.ended_at_ms is None and customer is not None and customer.connected_at_ms is None:
        end_session(tx, session, Reason.CUSTOMER_CONNECTION_NOT_ESTABLISHED)
