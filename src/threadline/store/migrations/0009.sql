-- Queues, users and hours of operation are rows of one table, as all resources of an instance are from now on.

CREATE TABLE resource (
    instance_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    data TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (instance_id, kind, id)
);
CREATE UNIQUE INDEX resource_name ON resource (instance_id, kind, name);

ALTER TABLE instance ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';

/*pg CREATE FUNCTION json_quote(written TEXT) RETURNS TEXT LANGUAGE sql AS 'SELECT to_json(written)::text'; */

INSERT INTO resource
SELECT instance_id, 'operating-hours', id, name,
    '{"description":' || json_quote(description) || ',"time_zone":' || json_quote(time_zone) || '}',
    '{}', updated_at_ms, updated_at_ms
FROM hours_of_operation;

INSERT INTO resource
SELECT instance_id, 'queue', id, name,
    '{"description":' || json_quote(description) || ',"hours_of_operation_id":' || json_quote(hours_of_operation_id) || '}',
    '{}', updated_at_ms, updated_at_ms
FROM queue;

INSERT INTO resource
SELECT instance_id, 'agent', id, username,
    '{"identity_info":{"FirstName":' || json_quote(first_name) || ',"LastName":' || json_quote(last_name)
        || '},"routing_profile_id":' || json_quote(routing_profile_id)
        || ',"security_profile_ids":[' || json_quote(security_profile_id) || ']}',
    '{}', updated_at_ms, updated_at_ms
FROM agent;

INSERT INTO resource
SELECT instance_id, 'routing-profile', min(routing_profile_id), 'Basic Routing Profile', '{}', '{}',
    min(updated_at_ms), min(updated_at_ms)
FROM agent GROUP BY instance_id;

INSERT INTO resource
SELECT instance_id, 'security-profile', min(security_profile_id), 'Agent', '{}', '{}', min(updated_at_ms), min(updated_at_ms)
FROM agent GROUP BY instance_id;

/*pg DROP FUNCTION json_quote(TEXT); */

DROP TABLE hours_of_operation;
DROP TABLE queue;
DROP TABLE agent;
