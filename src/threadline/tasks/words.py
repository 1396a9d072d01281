"""The tasks that put the words of messages into the search index, behind the log by a cursor."""

import json

from threadline.chat.transcript import Item
from threadline.chat.words import terms
from threadline.operations.continuations import continuation
from threadline.operations.text_search import instance_term, number_of, role_term
from threadline.store import Task, Tx

MESSAGES_MAX = 40
"""Messages that one transaction indexes: it takes a millisecond."""
AGAIN_MS = 20
PAST_SESSIONS_MAX = 20
PAST_AGAIN_MS = 500


@continuation("index")
def index(tx: Tx, task: Task) -> None:
    """Index some of a chat's messages, and run again for the next ones.

    SendMessage writes the task where the chat has none, and the end of a chat writes the last one.
    """
    session = task.session or 0
    found = tx.rows("messages_to_index", int, str, Item, session=session, limit=MESSAGES_MAX)
    items = [
        item for *_, item in found if item.seq
    ]  # without a message there is one row with an item of NULLs
    for item in items:
        of_all = [instance_term(found[0][1]), role_term(item.participant_role)]
        words = [*of_all, *terms(item.content or "")]
        tx.run("insert_words", row_number=number_of(session, item.seq), terms=" ".join(words))
    if found:
        is_more = len(items) == MESSAGES_MAX
        tx.run("set_word_cursor", session=session, seq=items[-1].seq if is_more else found[0][0])
        if is_more:
            tx.later("index", tx.now_ms + AGAIN_MS, session=session)


@continuation("index_past")
def index_past(tx: Tx, task: Task) -> None:
    """Write tasks for chats that were there before the index, some at a time, the newest first."""
    below = json.loads(task.payload)["below"]
    sessions = tx.rows("sessions_without_words", int, below=below, limit=PAST_SESSIONS_MAX)
    for place, session in enumerate(sessions, 1):
        tx.later("index", tx.now_ms + place * AGAIN_MS, session=session)
    if len(sessions) == PAST_SESSIONS_MAX:
        tx.later("index_past", tx.now_ms + PAST_AGAIN_MS, payload={"below": sessions[-1]})
