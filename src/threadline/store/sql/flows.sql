-- name: set_flow_draft
-- Keep content of a flow that is saved and not published.
UPDATE contact_flow SET draft = :draft, updated_at_ms = :now_ms WHERE instance_id = :instance_id AND id = :flow_id;

-- name: set_flow_metadata
-- Change the name, description, state and settings of a flow.
UPDATE contact_flow
SET name = :name, description = :description, state = :state, settings = :settings, updated_at_ms = :now_ms
WHERE instance_id = :instance_id AND id = :flow_id;

-- name: delete_flow
-- Delete a flow. Its content has been kept for the chats that run it.
DELETE FROM contact_flow WHERE instance_id = :instance_id AND id = :flow_id;

-- name: delete_flow_versions
-- Delete all versions of a flow.
DELETE FROM flow_version WHERE instance_id = :instance_id AND flow_id = :flow_id;

-- name: delete_flow_aliases
-- Delete all aliases of a flow.
DELETE FROM flow_alias WHERE instance_id = :instance_id AND flow_id = :flow_id;

-- name: number_flow
-- Give a flow the number of its next version; the number of a deleted version does not come back.
UPDATE contact_flow SET last_number = last_number + 1
WHERE instance_id = :instance_id AND id = :flow_id RETURNING last_number;

-- name: insert_flow_version
-- Add a version of a flow.
INSERT INTO flow_version (instance_id, flow_id, number, version, description, created_at_ms)
VALUES (:instance_id, :flow_id, :number, :version, :description, :now_ms);

-- name: flow_version
-- Read a version of a flow by its number.
SELECT * FROM flow_version WHERE instance_id = :instance_id AND flow_id = :flow_id AND number = :number;

-- name: flow_versions
-- Read a page of a flow's versions, oldest first.
SELECT * FROM flow_version WHERE instance_id = :instance_id AND flow_id = :flow_id AND number > :after
ORDER BY number LIMIT :limit;

-- name: delete_flow_version
-- Delete a version of a flow.
DELETE FROM flow_version WHERE instance_id = :instance_id AND flow_id = :flow_id AND number = :number;

-- name: insert_flow_alias
-- Add an alias of a flow.
INSERT INTO flow_alias (instance_id, flow_id, id, name, description, number, updated_at_ms)
VALUES (:instance_id, :flow_id, :id, :name, :description, :number, :now_ms);

-- name: flow_alias
-- Read an alias of a flow by its id or its name.
SELECT * FROM flow_alias
WHERE instance_id = :instance_id AND flow_id = :flow_id AND (id = :id_or_name OR name = :id_or_name);

-- name: flow_aliases
-- Read a page of a flow's aliases.
SELECT * FROM flow_alias WHERE instance_id = :instance_id AND flow_id = :flow_id AND id > :after
ORDER BY id LIMIT :limit;

-- name: update_flow_alias
-- Change an alias of a flow.
UPDATE flow_alias SET name = :name, description = :description, number = :number, updated_at_ms = :now_ms
WHERE instance_id = :instance_id AND flow_id = :flow_id AND id = :id;

-- name: delete_flow_alias
-- Delete an alias of a flow.
DELETE FROM flow_alias WHERE instance_id = :instance_id AND flow_id = :flow_id AND id = :id;

-- name: insert_run_of_deleted_flow
-- Start the last content of a flow that was deleted after a chat had been started with it.
INSERT INTO flow_run (session, contact_id, flow_id, state, flow_version, type)
SELECT :session, :contact_id, flow_id, '', version, 'CONTACT_FLOW'
FROM replaced_flow WHERE instance_id = :instance_id AND flow_id = :flow_id
ORDER BY version DESC LIMIT 1;
