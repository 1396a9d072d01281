-- A contact has data that a flow or an operation sets: name, description, references, tags, routing.

CREATE TABLE contact_data (
    session BIGINT NOT NULL,
    contact_id TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (session, contact_id)
);

-- A run keeps the type of its flow, which says what the end of the flow means.
ALTER TABLE flow_run ADD COLUMN type TEXT NOT NULL DEFAULT 'CONTACT_FLOW';
