-- The files of chats: attachments, and the transcript files of contacts. Their bytes are in the object store.

CREATE TABLE attachment (
    id TEXT NOT NULL PRIMARY KEY,
    session BIGINT NOT NULL,
    instance_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    status TEXT NOT NULL,
    object_key TEXT,
    seq BIGINT,
    participant_id TEXT,
    created_at_ms BIGINT NOT NULL,
    details TEXT NOT NULL
);

CREATE INDEX attachment_of_session ON attachment (session, id);

CREATE TABLE transcript_file (
    session BIGINT NOT NULL,
    contact_id TEXT NOT NULL,
    object_key TEXT NOT NULL,
    size BIGINT NOT NULL,
    written_at_ms BIGINT NOT NULL,
    PRIMARY KEY (session, contact_id)
);

-- An erasure looks for the transcript file that is still to be written.
CREATE INDEX task_of_transcript_file ON task (contact_id) WHERE kind = 'transcript_file';
