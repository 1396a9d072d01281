-- name: insert_instance
INSERT INTO instance (id, account_id, alias, paging_key, created_at_ms)
VALUES (:id, :account_id, :alias, :paging_key, :now_ms);

-- name: instance
SELECT * FROM instance WHERE id = :instance_id;

-- name: instance_of_account
SELECT * FROM instance WHERE account_id = :account_id AND id = :instance_id;

-- name: instances_of_account
SELECT * FROM instance WHERE account_id = :account_id AND id > :after ORDER BY id LIMIT :limit;

-- name: first_instance
SELECT id, account_id FROM instance ORDER BY created_at_ms, id LIMIT 1;

-- name: alone
SELECT 1 /*pg FROM (SELECT pg_advisory_xact_lock(7596554951787)) AS locked */;

-- name: insert_access_key
INSERT INTO access_key (id, secret, account_id, session_token_hash, expires_at_ms)
VALUES (:id, :secret, :account_id, :session_token_hash, :expires_at_ms);

-- name: access_key
SELECT * FROM access_key WHERE id = :id;

-- name: first_access_key
SELECT id, secret FROM access_key
WHERE account_id = :account_id AND session_token_hash IS NULL AND expires_at_ms IS NULL ORDER BY id LIMIT 1;

-- name: insert_queue
INSERT INTO queue (instance_id, id, name, description, hours_of_operation_id, updated_at_ms)
VALUES (:instance_id, :id, :name, :description, :hours_of_operation_id, :now_ms);

-- name: queue
SELECT * FROM queue WHERE instance_id = :instance_id AND id = :queue_id;

-- name: first_queue
SELECT id FROM queue WHERE instance_id = :instance_id ORDER BY id LIMIT 1;

-- name: queues
SELECT * FROM queue WHERE instance_id = :instance_id AND id > :after ORDER BY id LIMIT :limit;

-- name: insert_hours
INSERT INTO hours_of_operation (instance_id, id, name, description, time_zone, updated_at_ms)
VALUES (:instance_id, :id, :name, :description, :time_zone, :now_ms);

-- name: hours
SELECT * FROM hours_of_operation WHERE instance_id = :instance_id AND id = :hours_of_operation_id;

-- name: hours_of_instance
SELECT * FROM hours_of_operation WHERE instance_id = :instance_id AND id > :after ORDER BY id LIMIT :limit;

-- name: insert_user
INSERT INTO agent (
    instance_id, id, username, first_name, last_name, routing_profile_id, security_profile_id, updated_at_ms
) VALUES (
    :instance_id, :id, :username, :first_name, :last_name, :routing_profile_id, :security_profile_id, :now_ms
);

-- name: user
SELECT * FROM agent WHERE instance_id = :instance_id AND id = :user_id;

-- name: users
SELECT * FROM agent WHERE instance_id = :instance_id AND id > :after ORDER BY id LIMIT :limit;

-- name: insert_contact_flow
INSERT INTO contact_flow (instance_id, id, name, type, status, description, content, tags, updated_at_ms)
VALUES (:instance_id, :id, :name, :type, :status, :description, :content, :tags, :now_ms);

-- name: contact_flow
SELECT * FROM contact_flow WHERE instance_id = :instance_id AND id = :flow_id;

-- name: contact_flow_by_name
SELECT * FROM contact_flow WHERE instance_id = :instance_id AND name = :name;

-- name: contact_flows
SELECT instance_id, id, name, type, status, description, '' AS content, tags, updated_at_ms, version
FROM contact_flow WHERE instance_id = :instance_id AND id > :after ORDER BY id LIMIT :limit;

-- name: content_of_version
SELECT content FROM contact_flow WHERE instance_id = :instance_id AND id = :flow_id AND version = :version
UNION ALL
SELECT content FROM replaced_flow WHERE instance_id = :instance_id AND flow_id = :flow_id AND version = :version;

-- name: keep_replaced_flow
INSERT INTO replaced_flow (instance_id, flow_id, version, content, replaced_at_ms)
SELECT instance_id, id, version, content, :now_ms FROM contact_flow
WHERE instance_id = :instance_id AND id = :flow_id /*pg FOR UPDATE */;

-- name: forget_replaced_flows
DELETE FROM replaced_flow
WHERE instance_id = :instance_id AND flow_id = :flow_id AND replaced_at_ms < :before_ms;

-- name: set_contact_flow_content
UPDATE contact_flow SET content = :content, version = :version, updated_at_ms = :now_ms
WHERE instance_id = :instance_id AND id = :flow_id;
