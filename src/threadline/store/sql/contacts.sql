-- name: insert_contact
INSERT INTO contact (
    session, position, instance_id, id, previous_contact_id, initiation_method, first_seq, flow_id,
    initiated_at_ms, connected_at_ms, target_queue_id, queue_id, enqueued_at_ms, offered_user_id, updated_at_ms
) VALUES (
    :session, :position, :instance_id, :contact_id, :previous_contact_id, :initiation_method, :first_seq, :flow_id,
    :now_ms, :connected_at_ms, NULL, :queue_id, :enqueued_at_ms, :offered_user_id, :now_ms
);

-- name: contact_at
SELECT * FROM contact WHERE session = :session AND position = :position;

-- name: contacts_of_session
SELECT * FROM contact WHERE session = :session ORDER BY position;

-- name: contact_connected
UPDATE contact SET connected_at_ms = :now_ms, updated_at_ms = :now_ms
WHERE session = :session AND position = :position;

-- name: contact_target_queue
UPDATE contact SET target_queue_id = :queue_id, updated_at_ms = :now_ms
WHERE session = :session AND position = :position;

-- name: contact_queued
UPDATE contact SET queue_id = :queue_id, enqueued_at_ms = :now_ms, updated_at_ms = :now_ms
WHERE session = :session AND position = :position;

-- name: contact_accepted
UPDATE contact SET user_id = :user_id, accepted_at_ms = :now_ms, updated_at_ms = :now_ms
WHERE session = :session AND position = :position;

-- name: contacts_updated
UPDATE contact SET updated_at_ms = :now_ms WHERE session = :session;

-- name: end_contact
UPDATE contact SET disconnected_at_ms = :now_ms, disconnect_reason = :reason, updated_at_ms = :now_ms
WHERE session = :session AND position = :position AND disconnected_at_ms IS NULL;

-- name: contacts_newest_first
SELECT session.*, contact.*,
    (SELECT segment_attributes FROM session_attributes WHERE session_attributes.session = session.key)
FROM session JOIN contact ON contact.session = session.key
WHERE contact.instance_id = :instance_id AND contact.id > :after AND contact.id < :before
    AND contact.initiated_at_ms BETWEEN :start_ms AND :end_ms
ORDER BY contact.id DESC LIMIT :limit;

-- name: contacts_oldest_first
SELECT session.*, contact.*,
    (SELECT segment_attributes FROM session_attributes WHERE session_attributes.session = session.key)
FROM session JOIN contact ON contact.session = session.key
WHERE contact.instance_id = :instance_id AND contact.id > :after AND contact.id < :before
    AND contact.initiated_at_ms BETWEEN :start_ms AND :end_ms
ORDER BY contact.id ASC LIMIT :limit;

-- name: count_push_only
SELECT count(*) FROM item WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq AND push_only = 1;

-- name: sessions_of_tree
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
UPDATE session SET root_contact_id = :to_contact_id
WHERE instance_id = :instance_id AND root_contact_id = :root_contact_id AND related_contact_id IS NOT NULL
    AND key <> :session;

-- name: insert_flow_run
INSERT INTO flow_run (session, contact_id, flow_id, state, flow_version, type)
SELECT :session, :contact_id, id, '', version, type
FROM contact_flow WHERE instance_id = :instance_id AND id = :flow_id;

-- name: flow_run
SELECT flow_id, state, flow_version, type FROM flow_run WHERE session = :session AND contact_id = :contact_id;

-- name: set_flow_run
UPDATE flow_run SET state = :state WHERE session = :session AND contact_id = :contact_id;

-- name: delete_flow_run
DELETE FROM flow_run WHERE session = :session AND contact_id = :contact_id;

-- name: contact_data
SELECT data FROM contact_data WHERE session = :session AND contact_id = :contact_id;

-- name: set_contact_data
INSERT INTO contact_data (session, contact_id, data) VALUES (:session, :contact_id, :data)
ON CONFLICT (session, contact_id) DO UPDATE SET data = excluded.data;

-- name: count_in_queue
SELECT COUNT(*), MIN(enqueued_at_ms) FROM contact
WHERE instance_id = :instance_id AND queue_id = :queue_id AND user_id IS NULL AND disconnected_at_ms IS NULL;

-- name: set_customer
UPDATE session SET customer_id = :customer_id WHERE key = :session;

-- name: queue_before
SELECT queue_id FROM contact
WHERE session = :session AND position < :position AND queue_id IS NOT NULL
ORDER BY position DESC LIMIT 1;
