-- name: erase_items
-- Erase the content of a part of a log. What stays of an entry is its number, id, time, contact and audience.
UPDATE item
SET type = 'EVENT', content_type = :content_type, content = NULL, participant_id = NULL, display_name = NULL,
    participant_role = NULL, metadata = NULL, client_token = NULL
WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq AND (
    content IS NOT NULL OR participant_id IS NOT NULL OR display_name IS NOT NULL OR participant_role IS NOT NULL
    OR metadata IS NOT NULL OR client_token IS NOT NULL
);

-- name: delete_receipts_between
-- Delete the receipts of a part of a log.
DELETE FROM receipt WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq;

-- name: delete_imported_items_between
-- Delete the further members of a part of an imported log.
DELETE FROM imported_item WHERE session = :session AND seq BETWEEN :first_seq AND :last_seq;

-- name: erase_imported_members
-- Delete the further members of an imported contact, and note it as whole, so that no later import brings it back.
UPDATE imported_contact SET members = NULL, waits_for = NULL, state = 'WHOLE'
WHERE session = :session AND contact_id = :contact_id;

-- name: delete_words_of
-- Delete the terms of messages from the index, by their row numbers as a JSON list.
-- It is one statement since SQLite writes a segment of the index for each.
/*sqlite*/ DELETE FROM item_words WHERE rowid IN (SELECT value FROM json_each(:numbers))
/*pg DELETE FROM item_words
WHERE rowid IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:numbers AS JSON))) */;

-- name: delete_data_of_contact
-- Delete the values that were set on one contact.
DELETE FROM contact_data WHERE session = :session AND contact_id = :contact_id;

-- name: erase_names_of_contact
-- Erase the names of those who came with one contact, except the customer's.
UPDATE participant SET display_name = ''
WHERE session = :session AND contact_id = :contact_id AND role <> 'CUSTOMER';

-- name: erase_names
-- Erase the names of all participants of a chat.
UPDATE participant SET display_name = '' WHERE session = :session;

-- name: contact_erased
-- Note that the content of a contact was erased.
UPDATE contact SET erased_at_ms = :now_ms, updated_at_ms = :now_ms WHERE session = :session AND position = :position;

-- name: erase_session
-- Erase the customer of a chat, and note that its content was erased.
UPDATE session SET customer_id = NULL, erased_at_ms = :now_ms WHERE key = :session;

-- name: erase_attributes
-- Erase the attributes of a chat.
UPDATE session_attributes SET attributes = '{}', segment_attributes = '{}' WHERE session = :session;

-- name: next_chat_of_customer
-- Find the next chat of a customer, oldest first, among those that began until a time.
SELECT session.* FROM session
WHERE instance_id = :instance_id AND customer_id = :customer_id
    AND (started_at_ms, key) > (:at_ms, :after) AND started_at_ms <= :until_ms
ORDER BY started_at_ms, key LIMIT 1;

-- name: open_chat_of_customer
-- Find a chat of a customer that has not ended.
SELECT initial_contact_id FROM session
WHERE instance_id = :instance_id AND customer_id = :customer_id AND ended_at_ms IS NULL LIMIT 1;

-- name: count_chats_of_customer
-- Count the chats of a customer, their contacts and entries, up to a number of chats.
SELECT count(*), sum(last_position + 1), sum(last_seq) FROM (
    SELECT last_position, last_seq FROM session
    WHERE instance_id = :instance_id AND customer_id = :customer_id LIMIT :limit
) AS some_of_them;

-- name: next_chat_to_sweep
-- Find the next chat of an instance that ended before a time and is not erased, except those under a legal hold.
SELECT session.* FROM session
WHERE instance_id = :instance_id AND ended_at_ms IS NOT NULL AND erased_at_ms IS NULL
    AND (ended_at_ms, key) > (:at_ms, :after) AND ended_at_ms < :before_ms
    AND root_contact_id NOT IN (
        SELECT held.root_contact_id
        FROM legal_hold JOIN session AS held ON held.key = legal_hold.session
        WHERE legal_hold.instance_id = :instance_id
    )
ORDER BY ended_at_ms, key LIMIT 1;

-- name: insert_erasure
-- Add an erasure that is about to begin.
INSERT INTO erasure (
    id, instance_id, scope, contact_id, started_at_ms, chat_count, contact_count, item_count, erased_chat_count,
    erased_item_count, kept_chat_count
) VALUES (
    :id, :instance_id, :scope, :contact_id, :now_ms, :chat_count, :contact_count, :item_count, 0, 0, 0
);

-- name: erasure
-- Read an erasure of an instance.
SELECT * FROM erasure WHERE instance_id = :instance_id AND id = :id;

-- name: erasure_progress
-- Add to the counts of an erasure what one step of it has done.
UPDATE erasure
SET erased_chat_count = erased_chat_count + :chats, erased_item_count = erased_item_count + :items,
    kept_chat_count = kept_chat_count + :kept
WHERE id = :id;

-- name: erasure_completed
-- Note that an erasure is complete.
UPDATE erasure SET completed_at_ms = :now_ms WHERE id = :id;

-- name: delete_erasures
-- Delete the erasures of an instance that is deleted.
DELETE FROM erasure WHERE instance_id = :instance_id;

-- name: insert_hold
-- Set a legal hold on the lineage of a chat.
INSERT INTO legal_hold (instance_id, id, session, contact_id, initial_contact_id, reason, created_at_ms)
VALUES (:instance_id, :id, :session, :contact_id, :initial_contact_id, :reason, :created_at_ms);

-- name: hold
-- Read a legal hold of an instance.
SELECT * FROM legal_hold WHERE instance_id = :instance_id AND id = :id;

-- name: holds
-- Read a page of an instance's legal holds, oldest first.
SELECT * FROM legal_hold WHERE instance_id = :instance_id AND id > :after ORDER BY id LIMIT :limit;

-- name: hold_on_tree
-- Find a legal hold on a chat of a tree.
SELECT legal_hold.* FROM legal_hold JOIN session ON session.key = legal_hold.session
WHERE legal_hold.instance_id = :instance_id AND session.root_contact_id = :root_contact_id
ORDER BY legal_hold.id LIMIT 1;

-- name: held_chat_of_customer
-- Find a chat of a customer that is under a legal hold.
SELECT session.* FROM session
WHERE instance_id = :instance_id AND customer_id = :customer_id AND root_contact_id IN (
    SELECT held.root_contact_id FROM legal_hold JOIN session AS held ON held.key = legal_hold.session
    WHERE legal_hold.instance_id = :instance_id
)
LIMIT 1;

-- name: delete_hold
-- Lift a legal hold.
DELETE FROM legal_hold WHERE instance_id = :instance_id AND id = :id RETURNING id;

-- name: retention
-- Read how long an instance keeps its chats.
SELECT * FROM retention WHERE instance_id = :instance_id;

-- name: set_retention
-- Set how long an instance keeps its chats.
INSERT INTO retention (instance_id, policy, days, sweep, erased_chat_count) VALUES (:instance_id, :policy, :days, 0, 0)
ON CONFLICT (instance_id) DO UPDATE SET policy = excluded.policy, days = excluded.days;

-- name: next_sweep
-- Take the number of an instance's next sweep. The tasks of the one before then end by themselves.
UPDATE retention SET sweep = sweep + 1 WHERE instance_id = :instance_id AND policy <> 'OFF' RETURNING sweep;

-- name: retention_swept
-- Add to an instance's retention what one step of a sweep has done, and when the sweep ended if it did.
UPDATE retention SET erased_chat_count = erased_chat_count + :chats, swept_at_ms = coalesce(:swept_at_ms, swept_at_ms)
WHERE instance_id = :instance_id;

-- name: delete_retention
-- Delete the retention of an instance that is deleted.
DELETE FROM retention WHERE instance_id = :instance_id;
