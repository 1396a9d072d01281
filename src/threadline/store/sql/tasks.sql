-- name: insert_task
-- Write something to do later, and return it as a task.
INSERT INTO task (kind, session, contact_id, due_at_ms, attempts, payload, background)
VALUES (:kind, :session, :contact_id, :due_at_ms, :attempts, :payload, :background)
RETURNING id, kind, session, contact_id, due_at_ms, attempts, payload, background;

-- name: due_tasks
-- Read the tasks of the background, or all others, that are due, the earliest first, for the timers.
SELECT id, kind, session, contact_id, due_at_ms, attempts, payload, background
FROM task WHERE background = :background AND due_at_ms <= :now_ms ORDER BY due_at_ms, id LIMIT :limit;

-- name: count_for_metrics
-- Count the open chats, the due tasks and the late tasks but for those of the background, each over one index, for the page of metrics.
SELECT
    (SELECT count(*) FROM session WHERE ended_at_ms IS NULL),
    (SELECT count(*) FROM task WHERE background IN (0, 1) AND due_at_ms <= :now_ms),
    (SELECT count(*) FROM task WHERE background = 0 AND due_at_ms <= :late_ms);

-- name: delete_task
-- Delete a task that is about to run. No row comes back when another node has run it or it was cancelled. Its id alone
-- does not name it: SQLite gives the id of a task that was run to one that this has written.
DELETE FROM task
WHERE id = :id AND kind = :kind AND payload = :payload AND COALESCE(session, -1) = :session
RETURNING id;

-- name: lease_task
-- Make a task that a node takes due again only after its lease. No row comes back when another node has taken it.
UPDATE task SET due_at_ms = :until_ms, attempts = attempts + 1
WHERE id = :id AND due_at_ms = :due_at_ms RETURNING id;

-- name: postpone_task
-- Make a task that has failed due later, and count the attempt.
UPDATE task SET due_at_ms = :due_at_ms, attempts = attempts + 1 WHERE id = :id;

-- name: cancel_tasks
-- Delete all tasks of a session, when it ends, except those that deliver its streams.
DELETE FROM task WHERE session = :session AND kind <> 'deliver';

-- name: cancel_tasks_of_contact
-- Delete the tasks of one kind of a contact, when its flow goes on or ends.
DELETE FROM task WHERE session = :session AND kind = :kind AND contact_id = :contact_id;

-- name: next_task
-- Read the times at which the earliest task, and the earliest of the background, are due, for the timers' next sleep.
SELECT
    (SELECT min(due_at_ms) FROM task WHERE background = 0),
    (SELECT min(due_at_ms) FROM task WHERE background = 1);

-- name: reply_of
-- Read the kept reply of a call that is repeated with the same ClientToken.
SELECT arguments_hash, salt, reply FROM reply WHERE key = :key;

-- name: insert_reply
-- Keep the reply of a call that has a ClientToken, for its repetitions.
INSERT INTO reply (key, arguments_hash, salt, reply, created_at_ms)
VALUES (:key, :arguments_hash, :salt, :reply, :now_ms);

-- name: prune_replies
-- Delete kept replies that are too old, the oldest first and some at a time.
DELETE FROM reply
WHERE key IN (SELECT key FROM reply WHERE created_at_ms < :before_ms ORDER BY created_at_ms LIMIT :limit)
RETURNING created_at_ms;

-- name: prune_tokens
-- Delete tokens that have expired, the oldest first and some at a time.
DELETE FROM token
WHERE hash IN (SELECT hash FROM token WHERE expires_at_ms < :before_ms ORDER BY expires_at_ms LIMIT :limit)
RETURNING expires_at_ms;
