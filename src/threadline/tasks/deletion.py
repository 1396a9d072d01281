"""The task that deletes the chats of a deleted instance, in parts, so that other writers get their turn in between."""

import json

from threadline.operations.continuations import continuation
from threadline.operations.stored_files import delete_files_of
from threadline.operations.streams import forget_streams
from threadline.store import Task, Tx

SESSIONS_MAX = 20
AGAIN_MS = 50


@continuation("delete_chats")
def delete_chats(tx: Tx, task: Task) -> None:
    """Delete some of the instance's chats with all that belongs to them, and run again while there are more."""
    instance_id = json.loads(task.payload)["instance_id"]
    sessions = tx.rows("sessions_of_instance", int, instance_id=instance_id, limit=SESSIONS_MAX)
    for session in sessions:
        delete_files_of(tx, session)
        tx.run("delete_items", session=session)
        tx.run("delete_receipts", session=session)
        tx.run("delete_words", session=session)
        tx.run("delete_word_cursor", session=session)
        tx.run("delete_participants", session=session)
        tx.run("delete_tokens", session=session)
        tx.run("delete_flow_runs", session=session)
        tx.run("delete_contact_data", session=session)
        tx.run("delete_imported_contacts", session=session)
        tx.run("delete_imported_items", session=session)
        tx.run("delete_contacts", session=session)
        tx.run("delete_attributes", session=session)
        tx.run("delete_tasks", session=session)
        forget_streams(tx, session)
        tx.run("delete_session", session=session)
    if len(sessions) == SESSIONS_MAX:
        tx.later("delete_chats", tx.now_ms + AGAIN_MS, payload={"instance_id": instance_id})
