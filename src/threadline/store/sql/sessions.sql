-- name: grow_session
-- Take the next number and time of a session's log, and lock the session until this commits.
-- Times rise by at least a millisecond, so that clients which sort by time keep the order.
UPDATE session
SET last_seq = last_seq + 1,
    last_at_ms = CASE WHEN last_at_ms < :now_ms THEN :now_ms ELSE last_at_ms + 1 END
WHERE key = :session
RETURNING last_seq, last_at_ms;

-- name: count_entry
-- Set the number and time of a session's last entry, for a caller that has locked the session and knows them.
/*sqlite*/ UPDATE session SET last_seq = :seq, last_at_ms = :at_ms WHERE key = :session
/*pg UPDATE session SET last_seq = entry.seq, last_at_ms = entry.at_ms
FROM (VALUES (:session ::bigint, :seq ::bigint, :at_ms ::bigint)) AS entry (session, seq, at_ms)
WHERE key = entry.session */;

-- name: insert_session
-- Add the session of a new chat, which begins with one contact, and return its key.
-- Keys below 0 are those of imported chats; without them SQLite would take the key after the highest of these.
INSERT INTO session (
    /*sqlite*/ key, /*pg */ instance_id, initial_contact_id, current_contact_id, last_position, last_seq, last_at_ms, started_at_ms,
    expires_at_ms, customer_id, content_types, event_hooks, disconnect_on_customer_exit, root_contact_id,
    related_contact_id
) VALUES (
    /*sqlite*/ (SELECT max(0, max(key)) + 1 FROM session), /*pg */ :instance_id, :contact_id, :contact_id, 0, 0, 0, :now_ms,
    :expires_at_ms, :customer_id, :content_types, '{}', :disconnect_on_customer_exit, :root_contact_id,
    :related_contact_id
)
RETURNING key;

-- name: session
-- Read one session by its key and lock it.
SELECT * FROM session WHERE key = :session /*pg FOR UPDATE */;

-- name: instance_of_session
-- Read the instance of a session, for the rate limits of its account.
SELECT instance_id FROM session WHERE key = :session;

-- name: current_contact_of_session
-- Read the contact that a session is in now, for the line that logs a participant's call.
SELECT current_contact_id FROM session WHERE key = :session;

-- name: session_and_contact
-- Read a contact of an instance with its session, and lock both, for operations that change the chat.
SELECT session.*, contact.*
FROM session JOIN contact ON contact.session = session.key
WHERE contact.instance_id = :instance_id AND contact.id = :contact_id /*pg FOR UPDATE */;

-- name: past_session_and_contact
-- Read a contact of an instance with its session, without a lock, for operations that only read.
SELECT session.*, contact.*
FROM session JOIN contact ON contact.session = session.key
WHERE contact.instance_id = :instance_id AND contact.id = :contact_id;

-- name: past_chat
-- Read the contact to continue from, with its session and attributes, for an association. The past takes no lock.
SELECT session.*, contact.*,
    (SELECT attributes FROM session_attributes WHERE session_attributes.session = session.key)
FROM session JOIN contact ON contact.session = session.key
WHERE contact.instance_id = :instance_id AND contact.id = :contact_id;

-- name: chat_to_continue_in
-- Read and lock the session that gets an association, with its account and whether its tree has more chats.
-- One statement, since it is on the path of CreatePersistentContactAssociation.
SELECT session.*, instance.account_id, EXISTS (
    SELECT 1 FROM session AS other
    WHERE other.instance_id = session.instance_id AND other.root_contact_id = session.root_contact_id
        AND other.related_contact_id IS NOT NULL
)
FROM session JOIN contact ON contact.session = session.key JOIN instance ON instance.id = contact.instance_id
WHERE contact.instance_id = :instance_id AND contact.id = :contact_id /*pg FOR UPDATE OF session */;

-- name: count_open_sessions
-- Count the running chats of an instance, for its quota.
SELECT count(*) FROM session WHERE instance_id = :instance_id AND ended_at_ms IS NULL;

-- name: move_session
-- Make another contact the current one of a session, after a transfer.
UPDATE session SET current_contact_id = :contact_id, last_position = :position WHERE key = :session;

-- name: end_session
-- Mark a session as ended, unless it has ended already.
UPDATE session SET ended_at_ms = :now_ms WHERE key = :session AND ended_at_ms IS NULL;

-- name: associate_session
-- Store a session's association with its past, and its log's new end. No row comes back when it has one already.
UPDATE session
SET related_contact_id = :related_contact_id, rehydration_type = :rehydration_type,
    source_contact_id = :source_contact_id, anchor_session = :anchor_session, anchor_last_seq = :anchor_last_seq,
    root_contact_id = :root_contact_id, associated_at_ms = :now_ms, last_seq = :last_seq, last_at_ms = :last_at_ms
WHERE key = :session AND rehydration_type IS NULL AND related_contact_id IS NULL
RETURNING key;

-- name: set_event_hooks
-- Store the flows that a session runs at its events.
UPDATE session SET event_hooks = :event_hooks WHERE key = :session;

-- name: insert_attributes
-- Add the attributes of a new session.
INSERT INTO session_attributes (session, attributes, segment_attributes)
VALUES (:session, :attributes, :segment_attributes);

-- name: attributes
-- Read the attributes of a session.
SELECT attributes, segment_attributes FROM session_attributes WHERE session = :session;

-- name: set_attributes
-- Replace the contact attributes of a session.
UPDATE session_attributes SET attributes = :attributes WHERE session = :session;

-- name: chats_of_customer
-- Read a page of a customer's chats, newest first, from a start and a session's key on.
SELECT * FROM session
WHERE instance_id = :instance_id AND customer_id = :customer_id
    AND (started_at_ms, key) <= (:started_at_ms, :from_key)
ORDER BY started_at_ms DESC, key DESC LIMIT :limit;

-- name: latest_ended_chat
-- Find the first contact of the newest chat of a customer that has ended, to continue from it.
SELECT initial_contact_id FROM session
WHERE instance_id = :instance_id AND customer_id = :customer_id AND ended_at_ms IS NOT NULL
ORDER BY started_at_ms DESC, key DESC LIMIT 1;
