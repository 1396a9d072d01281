-- name: insert_item
-- Add an entry to a session's log.
INSERT INTO item (
    session, seq, contact_id, id, at_ms, type, content_type, content, participant_id, display_name,
    participant_role, push_only, audience, metadata, client_token
) VALUES (
    :session, :seq, :contact_id, :id, :at_ms, :type, :content_type, :content, :participant_id, :display_name,
    :participant_role, :push_only, :audience, :metadata, :client_token
);

-- name: entries_after
-- Read the entries of a log after a number, with when the participant left, to bring a socket up to date.
-- One row without an entry comes back when there is nothing new.
SELECT participant.left_seq, item.*
FROM participant LEFT JOIN (
    SELECT * FROM item WHERE session = :session AND seq > :seq ORDER BY seq LIMIT :limit
) AS item ON item.session = participant.session
WHERE participant.session = :session AND participant.id = :participant_id
ORDER BY item.seq;

-- name: item
-- Read one entry of a log by its number.
SELECT * FROM item WHERE session = :session AND seq = :seq;

-- name: page_backward
-- Read the part of a page of GetTranscript that lies in one session, the newest entry first.
SELECT * FROM item
WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq AND push_only = 0
ORDER BY seq DESC LIMIT :limit;

-- name: page_forward
-- Read the part of a page of GetTranscript that lies in one session, the oldest entry first.
SELECT * FROM item
WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq AND push_only = 0
ORDER BY seq LIMIT :limit;

-- name: page_to_stream
-- Read some entries of a log that streams deliver: those of GetTranscript, and the verdicts on attachments.
SELECT * FROM item
WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq AND (push_only = 0 OR type = 'ATTACHMENT')
ORDER BY seq LIMIT :limit;

-- name: time_of
-- Read the time of an entry, to find a StartPosition's AbsoluteTime by bisection.
SELECT at_ms FROM item WHERE session = :session AND seq = :seq;

-- name: receipts
-- Read the receipts of a run of entries, to show them with the messages.
SELECT * FROM receipt WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq ORDER BY seq, recipient_id;

-- name: receipt
-- Read one recipient's receipt of a message.
SELECT * FROM receipt WHERE session = :session AND seq = :seq AND recipient_id = :recipient_id;

-- name: insert_receipt
-- Store one recipient's receipt of a message, in place of an earlier one.
INSERT INTO receipt (session, seq, recipient_id, delivered_at_ms, read_at_ms)
VALUES (:session, :seq, :recipient_id, :delivered_at_ms, :read_at_ms)
ON CONFLICT (session, seq, recipient_id)
DO UPDATE SET delivered_at_ms = excluded.delivered_at_ms, read_at_ms = excluded.read_at_ms;

-- name: content_bytes
-- Sum up the bytes that a part of a log shows, to find a past that is too large to be continued.
SELECT sum(octet_length(content)) FROM item
WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq AND push_only = 0;

-- name: messages_of_contact
-- Read sender, length and time of a contact's messages, in order, up to the following contact of the session.
SELECT participant_role, participant_id, COALESCE(LENGTH(content), 0), at_ms
FROM item
WHERE session = :session AND type = 'MESSAGE' AND push_only = 0 AND seq >= :first_seq
    AND seq < COALESCE(
        (SELECT first_seq FROM contact WHERE session = :session AND position = :following), 9223372036854775807)
ORDER BY seq LIMIT :limit;
