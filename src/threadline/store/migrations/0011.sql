-- The chats of a customer are listed newest first. Most chats have no CustomerId and need no entry.

CREATE INDEX session_customer ON session (instance_id, customer_id, started_at_ms, key) WHERE customer_id IS NOT NULL;
