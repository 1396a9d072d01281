-- A stream delivers a chat's messages, contact events or contact records to others. Its cursor says what is delivered.

CREATE TABLE stream (
    session BIGINT NOT NULL,
    id TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    delivered TEXT NOT NULL,
    last_seq BIGINT,
    attempts INTEGER NOT NULL,
    failing_since_ms BIGINT,
    reason TEXT,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (session, id)
);
CREATE INDEX stream_failing ON stream (instance_id, session, id) WHERE failing_since_ms IS NOT NULL;

-- An entry that its receiver refused. It is read from the log again when it is sent again.
CREATE TABLE dead_letter (
    session BIGINT NOT NULL,
    stream_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    instance_id TEXT NOT NULL,
    is_due INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    failed_at_ms BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (session, stream_id, number)
);
CREATE INDEX dead_letter_instance ON dead_letter (instance_id, session, stream_id, number);

-- The streams of a chat: 1 for messages, 2 for contact events or records, 3 for both.
ALTER TABLE session ADD COLUMN streamed INTEGER NOT NULL DEFAULT 0;
