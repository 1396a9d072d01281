-- name: insert_instance
-- Add an instance.
INSERT INTO instance (id, account_id, alias, paging_key, created_at_ms, region, tags)
VALUES (:id, :account_id, :alias, :paging_key, :now_ms, :region, :tags);

-- name: instance
-- Read an instance by its id, whatever its account.
SELECT * FROM instance WHERE id = :instance_id;

-- name: instance_of_account
-- Read an instance of an account.
SELECT * FROM instance WHERE account_id = :account_id AND id = :instance_id;

-- name: instances_of_account
-- Read a page of an account's instances.
SELECT * FROM instance WHERE account_id = :account_id AND id > :after ORDER BY id LIMIT :limit;

-- name: set_instance_tags
-- Replace the tags of an instance, unless somebody else has replaced them since they were read.
UPDATE instance SET tags = :tags WHERE id = :instance_id AND tags = :old_tags
RETURNING id;

-- name: first_instance
-- Read the oldest instance, its account and its region: those that workspace.json names.
SELECT id, account_id, region FROM instance ORDER BY created_at_ms, id LIMIT 1;

-- name: alone
-- Wait until no other node makes the first workspace, and hold them up until this commits.
SELECT 1 /*pg FROM (SELECT pg_advisory_xact_lock(7596554951787)) AS locked */;

-- name: insert_access_key
-- Add an access key of an account, its secret encrypted.
INSERT INTO access_key (id, secret, account_id, description, created_at_ms)
VALUES (:id, :secret, :account_id, :description, :now_ms);

-- name: access_key
-- Read an access key by its id, to verify a signature.
SELECT * FROM access_key WHERE id = :id;

-- name: first_access_key
-- Read the oldest active access key of an account, for workspace.json.
SELECT * FROM access_key
WHERE account_id = :account_id AND session_token_hash IS NULL AND status = 'Active' ORDER BY created_at_ms, id LIMIT 1;

-- name: access_key_of_account
-- Read a lasting access key of an account.
SELECT * FROM access_key WHERE account_id = :account_id AND id = :id AND session_token_hash IS NULL;

-- name: access_keys_of_account
-- Read a page of an account's lasting access keys.
SELECT * FROM access_key
WHERE account_id = :account_id AND id > :after AND session_token_hash IS NULL ORDER BY id LIMIT :limit;

-- name: other_active_access_key
-- Find an active access key of an account beside one.
SELECT id FROM access_key
WHERE account_id = :account_id AND id <> :id AND session_token_hash IS NULL AND status = 'Active' LIMIT 1;

-- name: access_keys
-- Read all access keys, to see whether their secrets can be decrypted.
SELECT * FROM access_key ORDER BY id;

-- name: set_access_key_status
-- Activate or deactivate an access key.
UPDATE access_key SET status = :status WHERE id = :id;

-- name: set_access_key_secret
-- Replace an encrypted secret by the same one, encrypted with another key.
UPDATE access_key SET secret = :secret WHERE id = :id;

-- name: set_access_key_last_used
-- Keep the time of an access key's latest use.
UPDATE access_key SET last_used_at_ms = :at_ms
WHERE id = :id AND (last_used_at_ms IS NULL OR last_used_at_ms < :at_ms);

-- name: delete_access_key
-- Delete an access key.
DELETE FROM access_key WHERE id = :id;

-- name: insert_session_key
-- Add a temporary access key of an account, its secret encrypted and its session token hashed.
INSERT INTO access_key (id, secret, account_id, session_token_hash, expires_at_ms, created_at_ms)
VALUES (:id, :secret, :account_id, :session_token_hash, :expires_at_ms, :now_ms);

-- name: take_session_key
-- Delete a temporary access key.
DELETE FROM access_key WHERE id = :id AND session_token_hash IS NOT NULL RETURNING id;

-- name: prune_session_keys
-- Delete temporary access keys that have expired.
DELETE FROM access_key WHERE session_token_hash IS NOT NULL AND expires_at_ms < :before_ms;

-- name: insert_sign_in_token
-- Add a token with which a browser signs in, by its hash.
INSERT INTO sign_in_token (hash, account_id, expires_at_ms) VALUES (:hash, :account_id, :expires_at_ms);

-- name: sign_in_token
-- Find a token with which a browser signs in, if it has not expired.
SELECT account_id FROM sign_in_token WHERE hash = :hash AND expires_at_ms > :now_ms;

-- name: take_sign_in_token
-- Delete a token that is used. Of concurrent callers, one gets its account.
DELETE FROM sign_in_token WHERE hash = :hash AND expires_at_ms > :now_ms RETURNING account_id;

-- name: prune_sign_in_tokens
-- Delete tokens that have expired unused.
DELETE FROM sign_in_token WHERE expires_at_ms < :before_ms;

-- name: insert_contact_flow
-- Add a flow to an instance.
INSERT INTO contact_flow (instance_id, id, name, type, status, description, content, tags, updated_at_ms, settings)
VALUES (:instance_id, :id, :name, :type, :status, :description, :content, :tags, :now_ms, :settings);

-- name: contact_flow
-- Read a flow of an instance with its content.
SELECT * FROM contact_flow WHERE instance_id = :instance_id AND id = :flow_id;

-- name: contact_flow_by_name
-- Read a flow of an instance by its name, which no other flow of it may have.
SELECT * FROM contact_flow WHERE instance_id = :instance_id AND name = :name AND type <> 'MODULE';

-- name: flow_module_by_name
-- Read a module of an instance by its name, which no other module of it may have.
SELECT * FROM contact_flow WHERE instance_id = :instance_id AND name = :name AND type = 'MODULE';

-- name: default_queue_flow
-- Find the published flow that runs while a chat waits in a queue, unless it does nothing.
SELECT id FROM contact_flow
WHERE instance_id = :instance_id AND name = 'Default customer queue' AND type = 'CUSTOMER_QUEUE'
    AND status = 'PUBLISHED' AND content <> :silent;

-- name: contact_flows
-- Read a page of an instance's flows, without their content.
SELECT instance_id, id, name, type, status, description, '' AS content, tags, updated_at_ms, version,
    state, NULL AS draft, last_number, settings
FROM contact_flow WHERE instance_id = :instance_id AND id > :after AND type <> 'MODULE' ORDER BY id LIMIT :limit;

-- name: flow_modules
-- Read a page of an instance's modules, without their content.
SELECT instance_id, id, name, type, status, description, '' AS content, tags, updated_at_ms, version,
    state, NULL AS draft, last_number, settings
FROM contact_flow WHERE instance_id = :instance_id AND id > :after AND type = 'MODULE' ORDER BY id LIMIT :limit;

-- name: set_contact_flow_tags
-- Replace the tags of a flow, unless somebody else has replaced them since they were read.
UPDATE contact_flow SET tags = :tags, updated_at_ms = :now_ms
WHERE instance_id = :instance_id AND id = :flow_id AND tags = :old_tags
RETURNING id;

-- name: content_of_version
-- Read the content of a flow as it was in one version, for a chat that began with it.
SELECT content FROM contact_flow WHERE instance_id = :instance_id AND id = :flow_id AND version = :version
UNION ALL
SELECT content FROM replaced_flow WHERE instance_id = :instance_id AND flow_id = :flow_id AND version = :version;

-- name: keep_replaced_flow
-- Keep a flow's content before it is replaced, and lock the flow.
INSERT INTO replaced_flow (instance_id, flow_id, version, content, replaced_at_ms)
SELECT instance_id, id, version, content, :now_ms FROM contact_flow
WHERE instance_id = :instance_id AND id = :flow_id /*pg FOR UPDATE */;

-- name: forget_replaced_flows
-- Delete replaced contents of a flow that no running chat can have begun with.
DELETE FROM replaced_flow
WHERE instance_id = :instance_id AND flow_id = :flow_id AND replaced_at_ms < :before_ms
    AND version NOT IN (SELECT flow_version.version FROM flow_version
        WHERE flow_version.instance_id = :instance_id AND flow_version.flow_id = :flow_id);

-- name: set_contact_flow_content
-- Replace the content of a flow, as its next version.
UPDATE contact_flow
SET content = :content, version = :version, draft = NULL, status = :status, updated_at_ms = :now_ms
WHERE instance_id = :instance_id AND id = :flow_id;
