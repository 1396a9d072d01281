-- name: insert_resource
-- Add a resource to an instance.
INSERT INTO resource (instance_id, kind, id, name, data, tags, created_at_ms, updated_at_ms)
VALUES (:instance_id, :kind, :id, :name, :data, :tags, :created_at_ms, :updated_at_ms);

-- name: resource
-- Read a resource of an instance.
SELECT * FROM resource WHERE instance_id = :instance_id AND kind = :kind AND id = :id;

-- name: resource_by_name
-- Read a resource of an instance by its name, which no other one of its kind may have.
SELECT * FROM resource WHERE instance_id = :instance_id AND kind = :kind AND name = :name;

-- name: resources
-- Read a page of an instance's resources of one kind.
SELECT * FROM resource WHERE instance_id = :instance_id AND kind = :kind AND id > :after ORDER BY id LIMIT :limit;

-- name: update_resource
-- Replace the name and columns of a resource, unless somebody else has replaced them since they were read.
UPDATE resource SET name = :name, data = :data, updated_at_ms = :now_ms
WHERE instance_id = :instance_id AND kind = :kind AND id = :id AND name = :old_name AND data = :old_data
RETURNING id;

-- name: set_resource_tags
-- Replace the tags of a resource, unless somebody else has replaced them since they were read.
UPDATE resource SET tags = :tags, updated_at_ms = :now_ms
WHERE instance_id = :instance_id AND kind = :kind AND id = :id AND tags = :old_tags
RETURNING id;

-- name: delete_resource
-- Delete a resource.
DELETE FROM resource WHERE instance_id = :instance_id AND kind = :kind AND id = :id;

-- name: delete_resources
-- Delete all resources of an instance that is deleted.
DELETE FROM resource WHERE instance_id = :instance_id;

-- name: open_contact_of_queue
-- Find a contact that is in a queue, or is to be, in a chat that has not ended.
SELECT contact.id FROM session JOIN contact ON contact.session = session.key
WHERE session.instance_id = :instance_id AND session.ended_at_ms IS NULL AND contact.disconnected_at_ms IS NULL
    AND (contact.queue_id = :queue_id OR contact.target_queue_id = :queue_id)
LIMIT 1;

-- name: open_contact_of_user
-- Find a contact that a user has accepted or is offered, in a chat that has not ended.
SELECT contact.id FROM session JOIN contact ON contact.session = session.key
WHERE session.instance_id = :instance_id AND session.ended_at_ms IS NULL AND contact.disconnected_at_ms IS NULL
    AND (contact.user_id = :user_id OR contact.offered_user_id = :user_id)
LIMIT 1;
