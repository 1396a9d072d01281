-- name: insert_stream
-- Add a stream to a chat, from a place in what it delivers.
INSERT INTO stream (session, id, instance_id, kind, endpoint, delivered, attempts, created_at_ms)
VALUES (:session, :id, :instance_id, :kind, :endpoint, :delivered, 0, :now_ms);

-- name: session_streamed
-- Note of which kinds a chat has streams, so that others need not look for any.
UPDATE session SET streamed = streamed | :kinds WHERE key = :session;

-- name: stream
-- Read one stream of a chat.
SELECT * FROM stream WHERE session = :session AND id = :id;

-- name: count_streams
-- Count the streams of messages of a chat that have not been stopped.
SELECT count(*) FROM stream WHERE session = :session AND kind = 'MESSAGES' AND last_seq IS NULL;

-- name: stop_stream
-- Let a stream end with the entry that is the last one now, unless it has been stopped before.
UPDATE stream SET last_seq = :last_seq WHERE session = :session AND id = :id AND last_seq IS NULL;

-- name: wake_streams
-- Write a task for each stream of a kind of a chat that has none, since there is something to deliver.
INSERT INTO task (kind, session, contact_id, due_at_ms, attempts, payload)
SELECT 'deliver', stream.session, CAST(:contact_id AS TEXT), CAST(:now_ms AS BIGINT), 0, '"' || stream.id || '"'
FROM stream
WHERE stream.session = :session AND CASE WHEN stream.kind = 'MESSAGES' THEN 1 ELSE 2 END = :kind
    AND stream.last_seq IS NULL AND NOT EXISTS (
        SELECT 1 FROM task
        WHERE task.session = :session AND task.kind = 'deliver' AND task.payload = '"' || stream.id || '"'
    )
RETURNING id;

-- name: stream_delivered
-- Note what a stream has delivered, and whether it fails.
UPDATE stream
SET delivered = :delivered, attempts = :attempts, failing_since_ms = :failing_since_ms, reason = :reason
WHERE session = :session AND id = :id;

-- name: insert_dead_letter
-- Keep an entry that was not delivered, by its number, and count the attempt.
INSERT INTO dead_letter (session, stream_id, number, instance_id, is_due, attempts, failed_at_ms, reason)
VALUES (:session, :stream_id, :number, :instance_id, 0, 1, :now_ms, :reason)
ON CONFLICT (session, stream_id, number) DO UPDATE
SET is_due = 0, attempts = dead_letter.attempts + 1, failed_at_ms = excluded.failed_at_ms, reason = excluded.reason;

-- name: due_dead_letters
-- Read the entries of a stream that are to be sent again, in their order.
SELECT * FROM dead_letter
WHERE session = :session AND stream_id = :stream_id AND is_due = 1 ORDER BY number LIMIT :limit;

-- name: delete_dead_letter
-- Forget an entry that was sent again.
DELETE FROM dead_letter WHERE session = :session AND stream_id = :stream_id AND number = :number;

-- name: undelivered
-- Read a page of the deliveries that fail or have failed, from a place on: streams that are tried again, and entries.
SELECT stream.session, stream.id, CAST(-1 AS BIGINT), stream.kind, stream.endpoint, stream.attempts, stream.failing_since_ms,
    stream.reason, session.initial_contact_id
FROM stream JOIN session ON session.key = stream.session
WHERE stream.instance_id = :instance_id AND stream.failing_since_ms IS NOT NULL
    AND (CAST(:contact_id AS TEXT) IS NULL OR session.initial_contact_id = CAST(:contact_id AS TEXT))
    AND (stream.session, stream.id, -1) >= (:from_session, :from_id, :from_number)
UNION ALL
SELECT dead_letter.session, dead_letter.stream_id, dead_letter.number, stream.kind, stream.endpoint,
    dead_letter.attempts, dead_letter.failed_at_ms, dead_letter.reason, session.initial_contact_id
FROM dead_letter JOIN session ON session.key = dead_letter.session
    JOIN stream ON stream.session = dead_letter.session AND stream.id = dead_letter.stream_id
WHERE dead_letter.instance_id = :instance_id
    AND (CAST(:contact_id AS TEXT) IS NULL OR session.initial_contact_id = CAST(:contact_id AS TEXT))
    AND (dead_letter.session, dead_letter.stream_id, dead_letter.number) >= (:from_session, :from_id, :from_number)
ORDER BY 1, 2, 3 LIMIT :limit;

-- name: send_again
-- Make an entry due that was not delivered.
UPDATE dead_letter SET is_due = 1 WHERE session = :session AND stream_id = :stream_id AND number = :number;

-- name: hurry_delivery
-- Make the task of a stream due that waits for its next attempt. A task whose call runs has attempts.
UPDATE task SET due_at_ms = :now_ms
WHERE session = :session AND kind = 'deliver' AND payload = '"' || :id || '"' AND attempts = 0 AND due_at_ms > :now_ms;

-- name: insert_delivery
-- Write the task of one stream unless it has one.
INSERT INTO task (kind, session, contact_id, due_at_ms, attempts, payload)
SELECT 'deliver', CAST(:session AS BIGINT), CAST(:contact_id AS TEXT), CAST(:due_at_ms AS BIGINT), 0, '"' || :id || '"'
WHERE NOT EXISTS (
    SELECT 1 FROM task WHERE session = :session AND kind = 'deliver' AND payload = '"' || :id || '"'
);

-- name: delete_streams
-- Delete the streams of a chat.
DELETE FROM stream WHERE session = :session;

-- name: delete_dead_letters
-- Forget the entries of a chat that were not delivered.
DELETE FROM dead_letter WHERE session = :session;

-- name: insert_data_update
-- Note a change of a contact's data, if the chat has a stream of events.
INSERT INTO data_update (session, number, contact_id, properties, at_ms)
SELECT CAST(:session AS BIGINT),
    (SELECT COALESCE(MAX(number), 0) + 1 FROM data_update WHERE session = :session),
    CAST(:contact_id AS TEXT), CAST(:properties AS TEXT), CAST(:now_ms AS BIGINT)
WHERE EXISTS (SELECT 1 FROM stream WHERE session = :session AND kind = 'EVENTS');

-- name: data_updates
-- Read some changes of the data of a chat's contacts, from a number on.
SELECT * FROM data_update WHERE session = :session AND number >= :first ORDER BY number LIMIT :limit;

-- name: delete_data_updates
-- Forget the changes of the data of a chat's contacts.
DELETE FROM data_update WHERE session = :session;
