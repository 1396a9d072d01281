-- name: known_contact
-- Find a contact with its place in its chat and what an import knows of it, to decide what is left to import.
SELECT contact.session, contact.position, contact.first_seq, imported_contact.state, session.last_seq, (
    SELECT following.first_seq FROM contact AS following
    WHERE following.session = contact.session AND following.position = contact.position + 1
), coalesce(session.erased_at_ms, contact.erased_at_ms)
FROM contact JOIN session ON session.key = contact.session
    LEFT JOIN imported_contact
        ON imported_contact.session = contact.session AND imported_contact.contact_id = contact.id
WHERE contact.instance_id = :instance_id AND contact.id = :contact_id;

-- name: insert_imported_session
-- Add the session of an imported chat under a key of its own, and return it. No row comes back for a key that is taken.
INSERT INTO session (
    key, instance_id, initial_contact_id, current_contact_id, last_position, last_seq, last_at_ms, started_at_ms,
    expires_at_ms, ended_at_ms, customer_id, content_types, event_hooks, disconnect_on_customer_exit, root_contact_id
) /*pg OVERRIDING SYSTEM VALUE */ VALUES (
    :session, :instance_id, :contact_id, :contact_id, 0, 0, 0, :started_at_ms,
    :started_at_ms, :started_at_ms, NULL, '["text/plain"]', '{}', 0, :contact_id
)
ON CONFLICT (key) DO NOTHING RETURNING *;

-- name: settle_imported_session
-- Write the ends of an imported chat, after a contact or items were added to it.
UPDATE session
SET current_contact_id = :contact_id, last_position = :position, last_seq = :last_seq, last_at_ms = :last_at_ms,
    started_at_ms = :started_at_ms, expires_at_ms = :expires_at_ms, ended_at_ms = :ended_at_ms,
    customer_id = coalesce(customer_id, :customer_id)
WHERE key = :session;

-- name: insert_imported_contact
-- Add a contact to an imported chat.
INSERT INTO contact (
    session, position, instance_id, id, previous_contact_id, initiation_method, first_seq, flow_id,
    initiated_at_ms, connected_at_ms, target_queue_id, queue_id, enqueued_at_ms, offered_user_id, user_id,
    accepted_at_ms, disconnected_at_ms, disconnect_reason, updated_at_ms, erased_at_ms
) VALUES (
    :session, :position, :instance_id, :id, :previous_contact_id, :initiation_method, :first_seq, :flow_id,
    :initiated_at_ms, :connected_at_ms, :target_queue_id, :queue_id, :enqueued_at_ms, :offered_user_id, :user_id,
    :accepted_at_ms, :disconnected_at_ms, :disconnect_reason, :updated_at_ms, :erased_at_ms
);

-- name: fill_imported_contact
-- Write what is now known of a contact that an import knew by its id alone, or by its record.
UPDATE contact
SET initiation_method = :initiation_method, initiated_at_ms = :initiated_at_ms, connected_at_ms = :connected_at_ms,
    queue_id = coalesce(:queue_id, queue_id), enqueued_at_ms = coalesce(:enqueued_at_ms, enqueued_at_ms),
    user_id = coalesce(:user_id, user_id), accepted_at_ms = coalesce(:accepted_at_ms, accepted_at_ms),
    disconnected_at_ms = :disconnected_at_ms, disconnect_reason = coalesce(:disconnect_reason, disconnect_reason),
    updated_at_ms = :updated_at_ms
WHERE session = :session AND position = :position;

-- name: set_imported_attributes
-- Replace the attributes of an imported chat, after another contact or record of it came.
UPDATE session_attributes SET attributes = :attributes, segment_attributes = :segment_attributes
WHERE session = :session;

-- name: complete_imported_agents
-- Note the user of the agents of an imported contact, where its record came after its items.
UPDATE participant SET user_id = :user_id
WHERE session = :session AND contact_id = :contact_id AND role = 'AGENT' AND user_id IS NULL;

-- name: imported_contact
-- Read what an import knows of a contact.
SELECT * FROM imported_contact WHERE session = :session AND contact_id = :contact_id;

-- name: set_imported_contact
-- Note how far a contact is imported, the related contact that it waits for, and its members that are not ours.
INSERT INTO imported_contact (session, contact_id, instance_id, state, waits_for, members)
VALUES (:session, :contact_id, :instance_id, :state, :waits_for, :members)
ON CONFLICT (session, contact_id) DO UPDATE SET state = excluded.state,
    waits_for = coalesce(excluded.waits_for, imported_contact.waits_for),
    members = coalesce(excluded.members, imported_contact.members);

-- name: imported_members
-- Read the members of an imported contact that are not ours.
SELECT members FROM imported_contact WHERE session = :session AND contact_id = :contact_id;

-- name: count_partial_contacts
-- Count the contacts of a chat that are imported in part.
SELECT count(*) FROM imported_contact WHERE session = :session AND state = 'PARTIAL';

-- name: insert_imported_log
-- Add items to the log of an imported contact, from a JSON list of their columns: one statement, however many.
INSERT INTO item (
    session, seq, contact_id, id, at_ms, type, content_type, content, participant_id, display_name,
    participant_role, push_only, audience, metadata, client_token
)
/*sqlite*/ SELECT :session, value ->> 0, :contact_id, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
    value ->> 6, value ->> 7, value ->> 8, value ->> 9, NULL, value ->> 10, NULL
FROM json_each(:rows)
/*pg SELECT :session, CAST(value ->> 0 AS BIGINT), :contact_id, value ->> 1, CAST(value ->> 2 AS BIGINT), value ->> 3,
    value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, CAST(value ->> 9 AS INTEGER), NULL, value ->> 10, NULL
FROM json_array_elements(CAST(:rows AS JSON)) AS listed (value) */;

-- name: insert_imported_item
-- Keep the members of an imported item that are not ours.
INSERT INTO imported_item (session, seq, members) VALUES (:session, :seq, :members);

-- name: imported_items
-- Read the members that are not ours of the items in a part of a log, by the items' ids.
SELECT item.id, imported_item.members
FROM imported_item JOIN item ON item.session = imported_item.session AND item.seq = imported_item.seq
WHERE imported_item.session = :session AND imported_item.seq BETWEEN :first_seq AND :last_seq;

-- name: insert_imported_participant
-- Add a participant of an imported chat, who has left, unless the chat has them.
INSERT INTO participant (
    session, id, role, display_name, user_id, contact_id, created_at_ms, connected_at_ms, subscribed_at_ms,
    left_at_ms, left_seq
) VALUES (
    :session, :id, :role, :display_name, :user_id, :contact_id, :at_ms, :at_ms, NULL, :at_ms, NULL
)
ON CONFLICT (session, id) DO NOTHING;

-- name: imported_item_by_id
-- Find an entry of an imported log by its id, which has any form. A log of our own is not searched.
SELECT * FROM item WHERE session = :session AND session < 0 AND id = :id ORDER BY seq LIMIT 1;

-- name: imported_attachments
-- Read the entries of a part of an imported log that show files.
SELECT * FROM item
WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq AND type = 'ATTACHMENT' ORDER BY seq;

-- name: shift_attachments
-- Let the files of an imported chat follow the entries that show them, after items were put before these.
UPDATE attachment SET seq = seq + :count WHERE session = :session AND seq >= :seq;

-- name: shift_contacts_aside
-- Make room for a contact in an imported chat: move the later ones out of the way, behind a negative position.
UPDATE contact SET position = -position - 2 WHERE session = :session AND position >= :position;

-- name: shift_contacts_back
-- Give the contacts that were moved out of the way the next position.
UPDATE contact SET position = -position - 1 WHERE session = :session AND position < 0;

-- name: follow_contact
-- Note the contact before one that has got another.
UPDATE contact SET previous_contact_id = :previous_contact_id WHERE session = :session AND position = :position;

-- name: shift_items_aside
-- Make room for items within an imported log: move the later ones out of the way, behind negative numbers.
UPDATE item SET seq = -(seq + :count) WHERE session = :session AND seq >= :seq;

-- name: shift_items_back
-- Give the items that were moved out of the way their new numbers.
UPDATE item SET seq = -seq WHERE session = :session AND seq < 0;

-- name: shift_members_aside
-- Move the members that are not ours with their items; see shift_items_aside.
UPDATE imported_item SET seq = -(seq + :count) WHERE session = :session AND seq >= :seq;

-- name: shift_members_back
-- Give the members that were moved their new numbers.
UPDATE imported_item SET seq = -seq WHERE session = :session AND seq < 0;

-- name: shift_runs
-- Let the contacts behind a position begin later, after items were put before them.
UPDATE contact SET first_seq = first_seq + :count WHERE session = :session AND position > :position;

-- name: shift_anchors
-- Let the chats that continue from a contact, or a later one, show the items that were added up to it.
UPDATE session SET anchor_last_seq = anchor_last_seq + :count
WHERE instance_id = :instance_id AND root_contact_id = :root_contact_id AND related_contact_id IS NOT NULL
    AND anchor_session = :session AND related_contact_id IN (
        SELECT id FROM contact WHERE contact.session = :session AND contact.position >= :position
    );

-- name: link_imported_session
-- Associate an imported chat with its past, unless it is related to another already.
UPDATE session
SET related_contact_id = :related_contact_id, rehydration_type = 'FROM_SEGMENT',
    source_contact_id = :related_contact_id, anchor_session = :anchor_session, anchor_last_seq = :anchor_last_seq,
    root_contact_id = :root_contact_id, associated_at_ms = started_at_ms
WHERE key = :session AND related_contact_id IS NULL
RETURNING key;

-- name: sessions_waiting_for
-- Read the imported chats that continue from a contact which was not there yet.
SELECT session FROM imported_contact WHERE instance_id = :instance_id AND waits_for = :contact_id;

-- name: end_waiting
-- Note that the contact is there from which an imported chat continues.
UPDATE imported_contact SET waits_for = NULL WHERE session = :session AND waits_for = :contact_id;

-- name: index_task
-- Find the task that will index the words of a chat.
SELECT id FROM task WHERE session = :session AND kind = 'index' LIMIT 1;

-- name: delete_imported_contacts
-- Forget what an import knows of the contacts of a chat.
DELETE FROM imported_contact WHERE session = :session;
