-- A chat goes on with the content its flow had when it began: replaced contents stay as long as a chat can last.

ALTER TABLE contact_flow ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE flow_run ADD COLUMN flow_version INTEGER NOT NULL DEFAULT 1;

CREATE TABLE replaced_flow (
    instance_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    content TEXT NOT NULL,
    replaced_at_ms BIGINT NOT NULL,
    PRIMARY KEY (instance_id, flow_id, version)
);
