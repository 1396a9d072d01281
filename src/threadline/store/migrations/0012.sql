-- Flows and modules have drafts, versions and aliases. A module is a flow of the type MODULE.

ALTER TABLE contact_flow ADD COLUMN state TEXT NOT NULL DEFAULT 'ACTIVE';
ALTER TABLE contact_flow ADD COLUMN draft TEXT;
ALTER TABLE contact_flow ADD COLUMN last_number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE contact_flow ADD COLUMN settings TEXT;

DROP INDEX contact_flow_name;
CREATE UNIQUE INDEX contact_flow_name ON contact_flow (instance_id, name) WHERE type <> 'MODULE';
CREATE UNIQUE INDEX flow_module_name ON contact_flow (instance_id, name) WHERE type = 'MODULE';

CREATE TABLE flow_version (
    instance_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    version BIGINT NOT NULL,
    description TEXT,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (instance_id, flow_id, number)
);

CREATE TABLE flow_alias (
    instance_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    number BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (instance_id, flow_id, id)
);
