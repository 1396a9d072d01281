-- name: insert_attachment
-- Add a file whose upload begins.
INSERT INTO attachment (
    id, session, instance_id, contact_id, name, content_type, size, status, object_key, seq, participant_id,
    created_at_ms, details
) VALUES (
    :id, :session, :instance_id, :contact_id, :name, :content_type, :size, :status, :object_key, :seq,
    :participant_id, :created_at_ms, :details
);

-- name: attachment
-- Read a file by its id.
SELECT * FROM attachment WHERE id = :id;

-- name: attachment_and_instance
-- Read a file with its instance, whose key signs its URLs.
SELECT attachment.*, instance.* FROM attachment JOIN instance ON instance.id = attachment.instance_id
WHERE attachment.id = :id;

-- name: count_attachments
-- Count the files of a chat.
SELECT count(*) FROM attachment WHERE session = :session;

-- name: attachments_of_session
-- Read the files of a chat.
SELECT * FROM attachment WHERE session = :session ORDER BY id;

-- name: keep_upload
-- Note where the bytes of a file are. No row comes back for one that is completed or gone.
UPDATE attachment SET object_key = :object_key
WHERE id = :id AND status = 'DRAFTING'
RETURNING id;

-- name: complete_attachment
-- Complete a file: its status, the contact and the entry that shows it.
UPDATE attachment SET status = :status, contact_id = :contact_id, seq = :seq WHERE id = :id;

-- name: set_attachment_status
-- Set the status of a file.
UPDATE attachment SET status = :status WHERE id = :id;

-- name: set_item_metadata
-- Replace the attachments that an entry shows, after a scan.
UPDATE item SET metadata = :metadata WHERE session = :session AND seq = :seq;

-- name: delete_attachment
-- Delete the row of a file.
DELETE FROM attachment WHERE id = :id;

-- name: deletion_of_objects
-- Find a task that deletes objects now or has begun to. One without attempts that is due later only deletes again.
SELECT id FROM task WHERE kind = 'delete_objects' AND (attempts > 0 OR due_at_ms <= :now_ms) LIMIT 1;

-- name: transcript_files
-- Read the transcript files of a chat.
SELECT * FROM transcript_file WHERE session = :session;

-- name: transcript_file
-- Read where the transcript file of a contact is.
SELECT object_key, 1 FROM transcript_file WHERE session = :session AND contact_id = :contact_id;

-- name: transcript_file_due
-- Whether the transcript file of a contact is still to be written.
SELECT 1 FROM task WHERE kind = 'transcript_file' AND contact_id = :contact_id LIMIT 1;

-- name: insert_transcript_file
-- Note that the transcript file of a contact is written.
INSERT INTO transcript_file (session, contact_id, object_key, size, written_at_ms)
VALUES (:session, :contact_id, :object_key, :size, :written_at_ms)
ON CONFLICT (session, contact_id)
DO UPDATE SET object_key = excluded.object_key, size = excluded.size, written_at_ms = excluded.written_at_ms;

-- name: delete_transcript_file
-- Forget the transcript file of a contact.
DELETE FROM transcript_file WHERE session = :session AND contact_id = :contact_id;
