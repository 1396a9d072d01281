-- A queue has hours of operation. Those of an instance that is there already are called by the instance's id.

CREATE TABLE hours_of_operation (
    instance_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);
INSERT INTO hours_of_operation (instance_id, id, name, description, time_zone, updated_at_ms)
SELECT id, id, 'Basic Hours', 'Open at all times', 'UTC', created_at_ms FROM instance;

ALTER TABLE queue ADD COLUMN hours_of_operation_id TEXT NOT NULL DEFAULT '';
UPDATE queue SET hours_of_operation_id = instance_id;
