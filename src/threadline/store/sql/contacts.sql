-- name: insert_contact
-- Add a contact to a session, at the number of the log where it begins.
INSERT INTO contact (
    session, position, instance_id, id, previous_contact_id, initiation_method, first_seq, flow_id,
    initiated_at_ms, connected_at_ms, target_queue_id, queue_id, enqueued_at_ms, offered_user_id, updated_at_ms
) VALUES (
    :session, :position, :instance_id, :contact_id, :previous_contact_id, :initiation_method, :first_seq, :flow_id,
    :now_ms, :connected_at_ms, NULL, :queue_id, :enqueued_at_ms, :offered_user_id, :now_ms
);

-- name: contact_at
-- Read the contact at a position of a session.
SELECT * FROM contact WHERE session = :session AND position = :position;

-- name: contacts_of_session
-- Read the contacts of a session, first to last.
SELECT * FROM contact WHERE session = :session ORDER BY position;

-- name: contact_connected
-- Note that a contact is connected.
UPDATE contact SET connected_at_ms = :now_ms, updated_at_ms = :now_ms
WHERE session = :session AND position = :position;

-- name: contact_target_queue
-- Note the queue that a flow has chosen for a contact.
UPDATE contact SET target_queue_id = :queue_id, updated_at_ms = :now_ms
WHERE session = :session AND position = :position;

-- name: contact_queued
-- Put a contact into a queue.
UPDATE contact SET queue_id = :queue_id, enqueued_at_ms = :now_ms, updated_at_ms = :now_ms
WHERE session = :session AND position = :position;

-- name: lock_queue
-- Wait until no other transaction lets contacts into a queue with a maximum, and hold them up until this one ends.
SELECT CAST(:queue_id AS TEXT) /*pg FROM (SELECT pg_advisory_xact_lock(hashtextextended(:queue_id, 0))) AS locked */;

-- name: contact_queued_if_room
-- Put a contact into a queue in which fewer contacts wait than the maximum.
UPDATE contact SET queue_id = :queue_id, enqueued_at_ms = :now_ms, updated_at_ms = :now_ms
WHERE session = :session AND position = :position AND (
    SELECT COUNT(*) FROM contact AS waiting
    WHERE waiting.instance_id = :instance_id AND waiting.queue_id = :queue_id
        AND waiting.user_id IS NULL AND waiting.disconnected_at_ms IS NULL
) < :maximum
RETURNING id;

-- name: contact_offered
-- Offers the current contact to a user, who alone may accept it.
UPDATE contact SET offered_user_id = :user_id, enqueued_at_ms = :now_ms, updated_at_ms = :now_ms
WHERE session = :session AND position = :position;

-- name: contact_accepted
-- Note the user who has accepted a contact.
UPDATE contact SET user_id = :user_id, accepted_at_ms = :now_ms, updated_at_ms = :now_ms
WHERE session = :session AND position = :position;

-- name: contact_updated
-- Note that a contact was updated, when its data has changed.
UPDATE contact SET updated_at_ms = :now_ms WHERE session = :session AND position = :position;

-- name: contacts_updated
-- Note that all contacts of a session were updated, when the attributes that they share have changed.
UPDATE contact SET updated_at_ms = :now_ms WHERE session = :session;

-- name: end_contact
-- Note when and why a contact ended, unless it has ended already.
UPDATE contact SET disconnected_at_ms = :now_ms, disconnect_reason = :reason, updated_at_ms = :now_ms
WHERE session = :session AND position = :position AND disconnected_at_ms IS NULL;

-- name: contacts_newest_first
-- Read some contacts that began at a time or later, newest first, behind another contact, for SearchContacts.
SELECT session.*, contact.*,
    session_attributes.attributes, session_attributes.segment_attributes, contact_data.data
FROM contact JOIN session ON session.key = contact.session
    LEFT JOIN session_attributes ON session_attributes.session = contact.session
    LEFT JOIN contact_data ON contact_data.session = contact.session AND contact_data.contact_id = contact.id
WHERE contact.instance_id = :instance_id AND contact.initiated_at_ms >= :last_ms
    AND (contact.initiated_at_ms, contact.id) < (:at_ms, :contact_id)
ORDER BY contact.initiated_at_ms DESC, contact.id DESC LIMIT :limit;

-- name: contacts_oldest_first
-- Read some contacts that began at a time or earlier, oldest first; see contacts_newest_first.
SELECT session.*, contact.*,
    session_attributes.attributes, session_attributes.segment_attributes, contact_data.data
FROM contact JOIN session ON session.key = contact.session
    LEFT JOIN session_attributes ON session_attributes.session = contact.session
    LEFT JOIN contact_data ON contact_data.session = contact.session AND contact_data.contact_id = contact.id
WHERE contact.instance_id = :instance_id AND contact.initiated_at_ms <= :last_ms
    AND (contact.initiated_at_ms, contact.id) > (:at_ms, :contact_id)
ORDER BY contact.initiated_at_ms, contact.id LIMIT :limit;

-- name: count_contacts_begun
-- Count the contacts that began in a range of time, up to a number of them, for SearchContacts.
SELECT count(*) FROM (
    SELECT 1 FROM contact
    WHERE instance_id = :instance_id AND initiated_at_ms BETWEEN :start_ms AND :end_ms LIMIT :limit
) AS some_of_them;

-- name: count_push_only
-- Count the entries of a part of a log that only sockets are shown, for DescribeLineage.
SELECT count(*) FROM item WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq AND push_only = 1;

-- name: sessions_of_tree
-- Read a page of the sessions of a tree, with the one that began it, for ListAssociatedContacts.
SELECT * FROM session
WHERE instance_id = :instance_id AND root_contact_id = :root_contact_id AND related_contact_id IS NOT NULL
    AND key >= :from_key
UNION ALL
SELECT session.*
FROM session JOIN contact ON contact.session = session.key
WHERE contact.instance_id = :instance_id AND contact.id = :root_contact_id AND session.related_contact_id IS NULL
    AND session.key >= :from_key
ORDER BY 1 LIMIT :limit;

-- name: move_tree
-- Move the other chats of a tree to another tree, when the chat that began it gets an association there.
UPDATE session SET root_contact_id = :to_contact_id
WHERE instance_id = :instance_id AND root_contact_id = :root_contact_id AND related_contact_id IS NOT NULL
    AND key <> :session;

-- name: insert_flow_run
-- Start a flow on a contact, with its present content or that of one of its versions.
INSERT INTO flow_run (session, contact_id, flow_id, state, flow_version, type)
SELECT :session, :contact_id, contact_flow.id, '', COALESCE(flow_version.version, contact_flow.version), contact_flow.type
FROM contact_flow LEFT JOIN flow_version ON flow_version.instance_id = contact_flow.instance_id
    AND flow_version.flow_id = contact_flow.id AND flow_version.number = :number
WHERE contact_flow.instance_id = :instance_id AND contact_flow.id = :flow_id
RETURNING flow_id;

-- name: flow_name
-- The name and the type of a flow or module.
SELECT name, type FROM contact_flow WHERE instance_id = :instance_id AND id = :flow_id;

-- name: flow_run
-- Read the run of a contact's flow.
SELECT flow_id, state, flow_version, type FROM flow_run WHERE session = :session AND contact_id = :contact_id;

-- name: set_flow_run
-- Store the state of a contact's flow, from which it goes on later.
UPDATE flow_run SET state = :state WHERE session = :session AND contact_id = :contact_id;

-- name: delete_flow_run
-- End the run of a contact's flow.
DELETE FROM flow_run WHERE session = :session AND contact_id = :contact_id;

-- name: contact_data
-- Read the values that a contact's flow has stored for it.
SELECT data FROM contact_data WHERE session = :session AND contact_id = :contact_id;

-- name: set_contact_data
-- Replace the values that a contact's flow has stored for it.
INSERT INTO contact_data (session, contact_id, data) VALUES (:session, :contact_id, :data)
ON CONFLICT (session, contact_id) DO UPDATE SET data = excluded.data;

-- name: count_in_queue
-- Count the contacts that wait in a queue, with the time of the oldest, for the metrics that a flow can ask for.
SELECT COUNT(*), MIN(enqueued_at_ms) FROM contact
WHERE instance_id = :instance_id AND queue_id = :queue_id AND user_id IS NULL AND disconnected_at_ms IS NULL;

-- name: set_customer
-- Store the customer of a session, as a flow has set it.
UPDATE session SET customer_id = :customer_id WHERE key = :session;

-- name: queue_before
-- Find the last queue of the contacts before this one, for a transfer to a queue that names none.
SELECT queue_id FROM contact
WHERE session = :session AND position < :position AND queue_id IS NOT NULL
ORDER BY position DESC LIMIT 1;
