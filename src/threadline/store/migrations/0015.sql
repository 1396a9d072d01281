-- The contacts that wait in a queue are counted without reading those that have left it.

CREATE INDEX contact_waiting ON contact (instance_id, queue_id, enqueued_at_ms)
WHERE queue_id IS NOT NULL AND user_id IS NULL AND disconnected_at_ms IS NULL;
