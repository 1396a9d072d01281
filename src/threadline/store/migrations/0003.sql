-- Chats that are related to none are their own tree: most are, and they need no entry for that.

DROP INDEX session_root;
CREATE INDEX session_root ON session (instance_id, root_contact_id, key) WHERE related_contact_id IS NOT NULL;
