-- name: insert_instance
INSERT INTO instance (id, account_id, alias, paging_key, created_at_ms)
VALUES (:id, :account_id, :alias, :paging_key, :now_ms);

-- name: instance
SELECT * FROM instance WHERE id = :instance_id;

-- name: instances_of_account
SELECT * FROM instance WHERE account_id = :account_id AND id > :after ORDER BY id LIMIT :limit;

-- name: any_instance
SELECT id FROM instance LIMIT 1;

-- name: insert_access_key
INSERT INTO access_key (id, secret, account_id, session_token_hash, expires_at_ms)
VALUES (:id, :secret, :account_id, :session_token_hash, :expires_at_ms);

-- name: access_key
SELECT * FROM access_key WHERE id = :id;

-- name: insert_queue
INSERT INTO queue (instance_id, id, name, description, updated_at_ms)
VALUES (:instance_id, :id, :name, :description, :now_ms);

-- name: queue
SELECT * FROM queue WHERE instance_id = :instance_id AND id = :queue_id;

-- name: queues
SELECT * FROM queue WHERE instance_id = :instance_id AND id > :after ORDER BY id LIMIT :limit;

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
SELECT * FROM contact_flow WHERE instance_id = :instance_id AND id > :after ORDER BY id LIMIT :limit;

-- name: set_contact_flow_content
UPDATE contact_flow SET content = :content, updated_at_ms = :now_ms
WHERE instance_id = :instance_id AND id = :flow_id;
