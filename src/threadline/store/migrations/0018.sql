-- Chats are erased by hand or once they are older than their instance keeps them, unless a legal hold keeps them.

ALTER TABLE session ADD COLUMN erased_at_ms BIGINT;
ALTER TABLE contact ADD COLUMN erased_at_ms BIGINT;
CREATE INDEX session_ended ON session (instance_id, ended_at_ms, key)
WHERE ended_at_ms IS NOT NULL AND erased_at_ms IS NULL;

CREATE TABLE erasure (
    id TEXT NOT NULL PRIMARY KEY,
    instance_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    contact_id TEXT,
    started_at_ms BIGINT NOT NULL,
    completed_at_ms BIGINT,
    chat_count BIGINT NOT NULL,
    contact_count BIGINT NOT NULL,
    item_count BIGINT NOT NULL,
    erased_chat_count BIGINT NOT NULL,
    erased_item_count BIGINT NOT NULL,
    kept_chat_count BIGINT NOT NULL
);

CREATE TABLE legal_hold (
    instance_id TEXT NOT NULL,
    id TEXT NOT NULL,
    session BIGINT NOT NULL,
    contact_id TEXT NOT NULL,
    initial_contact_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE TABLE retention (
    instance_id TEXT NOT NULL PRIMARY KEY,
    policy TEXT NOT NULL,
    days INTEGER,
    sweep BIGINT NOT NULL,
    swept_at_ms BIGINT,
    erased_chat_count BIGINT NOT NULL
);
