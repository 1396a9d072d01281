-- name: insert_task
INSERT INTO task (kind, session, contact_id, due_at_ms, attempts, payload)
VALUES (:kind, :session, :contact_id, :due_at_ms, :attempts, :payload)
RETURNING id, kind, session, contact_id, due_at_ms, attempts, payload;

-- name: due_tasks
SELECT id, kind, session, contact_id, due_at_ms, attempts, payload
FROM task WHERE due_at_ms <= :now_ms ORDER BY due_at_ms, id LIMIT :limit;

-- name: delete_task
DELETE FROM task WHERE id = :id RETURNING id;

-- name: postpone_task
UPDATE task SET due_at_ms = :due_at_ms, attempts = attempts + 1 WHERE id = :id;

-- name: cancel_tasks
DELETE FROM task WHERE session = :session;

-- name: cancel_tasks_of_contact
DELETE FROM task WHERE session = :session AND kind = :kind AND contact_id = :contact_id;

-- name: next_task
SELECT due_at_ms FROM task ORDER BY due_at_ms LIMIT 1;

-- name: reply_of
SELECT arguments_hash, salt, reply FROM reply WHERE key = :key;

-- name: insert_reply
INSERT INTO reply (key, arguments_hash, salt, reply, created_at_ms)
VALUES (:key, :arguments_hash, :salt, :reply, :now_ms);

-- name: prune_replies
DELETE FROM reply
WHERE key IN (SELECT key FROM reply WHERE created_at_ms < :before_ms ORDER BY created_at_ms LIMIT :limit)
RETURNING created_at_ms;

-- name: prune_tokens
DELETE FROM token
WHERE hash IN (SELECT hash FROM token WHERE expires_at_ms < :before_ms ORDER BY expires_at_ms LIMIT :limit)
RETURNING expires_at_ms;
