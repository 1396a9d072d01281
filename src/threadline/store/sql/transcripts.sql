-- name: insert_item
INSERT INTO item (
    session, seq, contact_id, id, at_ms, type, content_type, content, participant_id, display_name,
    participant_role, push_only, audience, metadata, client_token
) VALUES (
    :session, :seq, :contact_id, :id, :at_ms, :type, :content_type, :content, :participant_id, :display_name,
    :participant_role, :push_only, :audience, :metadata, :client_token
);

-- name: entries_after
SELECT participant.left_seq, item.*
FROM participant LEFT JOIN (
    SELECT * FROM item WHERE session = :session AND seq > :seq ORDER BY seq LIMIT :limit
) AS item ON item.session = participant.session
WHERE participant.session = :session AND participant.id = :participant_id
ORDER BY item.seq;

-- name: item
SELECT * FROM item WHERE session = :session AND seq = :seq;

-- name: page_backward
SELECT * FROM item
WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq AND push_only = 0
ORDER BY seq DESC LIMIT :limit;

-- name: page_forward
SELECT * FROM item
WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq AND push_only = 0
ORDER BY seq LIMIT :limit;

-- name: time_of
SELECT at_ms FROM item WHERE session = :session AND seq = :seq;

-- name: receipts
SELECT * FROM receipt WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq ORDER BY seq, recipient_id;

-- name: receipt
SELECT * FROM receipt WHERE session = :session AND seq = :seq AND recipient_id = :recipient_id;

-- name: insert_receipt
INSERT INTO receipt (session, seq, recipient_id, delivered_at_ms, read_at_ms)
VALUES (:session, :seq, :recipient_id, :delivered_at_ms, :read_at_ms)
ON CONFLICT (session, seq, recipient_id)
DO UPDATE SET delivered_at_ms = excluded.delivered_at_ms, read_at_ms = excluded.read_at_ms;

-- name: content_bytes
SELECT sum(octet_length(content)) FROM item
WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq AND push_only = 0;
