-- name: grow_session
UPDATE session
SET last_seq = last_seq + 1,
    last_at_ms = CASE WHEN last_at_ms < :now_ms THEN :now_ms ELSE last_at_ms + 1 END
WHERE key = :session
RETURNING last_seq, last_at_ms;

-- name: count_entry
UPDATE session SET last_seq = :seq, last_at_ms = :at_ms WHERE key = :session;

-- name: insert_session
INSERT INTO session (
    instance_id, initial_contact_id, current_contact_id, last_position, last_seq, last_at_ms, started_at_ms,
    expires_at_ms, customer_id, content_types, event_hooks, disconnect_on_customer_exit, root_contact_id,
    related_contact_id
) VALUES (
    :instance_id, :contact_id, :contact_id, 0, 0, 0, :now_ms,
    :expires_at_ms, :customer_id, :content_types, '{}', :disconnect_on_customer_exit, :root_contact_id,
    :related_contact_id
)
RETURNING key;

-- name: session
SELECT * FROM session WHERE key = :session /*pg FOR UPDATE */;

-- name: instance_of_session
SELECT instance_id FROM session WHERE key = :session;

-- name: current_contact_of_session
SELECT current_contact_id FROM session WHERE key = :session;

-- name: session_and_contact
SELECT session.*, contact.*
FROM session JOIN contact ON contact.session = session.key
WHERE contact.instance_id = :instance_id AND contact.id = :contact_id /*pg FOR UPDATE */;

-- name: past_session_and_contact
SELECT session.*, contact.*
FROM session JOIN contact ON contact.session = session.key
WHERE contact.instance_id = :instance_id AND contact.id = :contact_id;

-- name: past_chat
SELECT session.*, contact.*,
    (SELECT attributes FROM session_attributes WHERE session_attributes.session = session.key)
FROM session JOIN contact ON contact.session = session.key
WHERE contact.instance_id = :instance_id AND contact.id = :contact_id;

-- name: chat_to_continue_in
SELECT session.*, instance.account_id, EXISTS (
    SELECT 1 FROM session AS other
    WHERE other.instance_id = session.instance_id AND other.root_contact_id = session.root_contact_id
        AND other.related_contact_id IS NOT NULL
)
FROM session JOIN contact ON contact.session = session.key JOIN instance ON instance.id = contact.instance_id
WHERE contact.instance_id = :instance_id AND contact.id = :contact_id /*pg FOR UPDATE OF session */;

-- name: count_open_sessions
SELECT count(*) FROM session WHERE instance_id = :instance_id AND ended_at_ms IS NULL;

-- name: move_session
UPDATE session SET current_contact_id = :contact_id, last_position = :position WHERE key = :session;

-- name: end_session
UPDATE session SET ended_at_ms = :now_ms WHERE key = :session AND ended_at_ms IS NULL;

-- name: associate_session
UPDATE session
SET related_contact_id = :related_contact_id, rehydration_type = :rehydration_type,
    source_contact_id = :source_contact_id, anchor_session = :anchor_session, anchor_last_seq = :anchor_last_seq,
    root_contact_id = :root_contact_id, associated_at_ms = :now_ms, last_seq = :last_seq, last_at_ms = :last_at_ms
WHERE key = :session AND rehydration_type IS NULL AND related_contact_id IS NULL
RETURNING key;

-- name: set_event_hooks
UPDATE session SET event_hooks = :event_hooks WHERE key = :session;

-- name: insert_attributes
INSERT INTO session_attributes (session, attributes, segment_attributes)
VALUES (:session, :attributes, :segment_attributes);

-- name: attributes
SELECT attributes, segment_attributes FROM session_attributes WHERE session = :session;

-- name: set_attributes
UPDATE session_attributes SET attributes = :attributes WHERE session = :session;
