-- name: open_session
-- Find a chat of an instance that has not ended, by its first contact.
SELECT initial_contact_id FROM session WHERE instance_id = :instance_id AND ended_at_ms IS NULL LIMIT 1;

-- name: delete_instance
-- Delete an instance.
DELETE FROM instance WHERE id = :instance_id;

-- name: delete_flows
-- Delete the flows of an instance.
DELETE FROM contact_flow WHERE instance_id = :instance_id;

-- name: delete_versions_of_instance
-- Delete the versions of an instance's flows.
DELETE FROM flow_version WHERE instance_id = :instance_id;

-- name: delete_aliases_of_instance
-- Delete the aliases of an instance's flows.
DELETE FROM flow_alias WHERE instance_id = :instance_id;

-- name: delete_replaced_flows
-- Delete the replaced contents of an instance's flows.
DELETE FROM replaced_flow WHERE instance_id = :instance_id;

-- name: session_of_instance
-- Read the key of a chat of an instance, that of the oldest contact, since an index has this order.
SELECT session FROM contact WHERE instance_id = :instance_id ORDER BY initiated_at_ms, id LIMIT 1;

-- name: delete_items_between
-- Delete a part of the log of a chat.
DELETE FROM item WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq;

-- name: delete_participants
-- Delete the participants of a chat.
DELETE FROM participant WHERE session = :session;

-- name: delete_tokens
-- Delete the tokens of a chat's participants that have not expired.
DELETE FROM token WHERE session = :session;

-- name: delete_flow_runs
-- Delete the runs of flows in a chat.
DELETE FROM flow_run WHERE session = :session;

-- name: delete_contact_data
-- Delete the values that flows have stored for the contacts of a chat.
DELETE FROM contact_data WHERE session = :session;

-- name: delete_contacts
-- Delete the contacts of a chat.
DELETE FROM contact WHERE session = :session;

-- name: delete_attributes
-- Delete the attributes of a chat.
DELETE FROM session_attributes WHERE session = :session;

-- name: delete_tasks
-- Delete the tasks of a chat.
DELETE FROM task WHERE session = :session;

-- name: delete_session
-- Delete a chat.
DELETE FROM session WHERE key = :session;
