-- name: insert_words
-- Add the terms of a message to the index, in place of earlier ones.
/*sqlite*/ INSERT OR REPLACE INTO item_words (rowid, terms) VALUES (:row_number, :terms)
/*pg INSERT INTO item_words (rowid, terms) VALUES (:row_number, string_to_array(:terms, ' '))
ON CONFLICT (rowid) DO UPDATE SET terms = excluded.terms */;

-- name: messages_to_index
-- Read the next messages of a chat whose words are not in the index yet, and the end of its log.
SELECT session.last_seq, session.instance_id, item.*
FROM session LEFT JOIN (
    SELECT * FROM item
    WHERE session = :session
        AND seq > coalesce((SELECT seq FROM word_cursor WHERE session = :session), 0)
        AND push_only = 0 AND type = 'MESSAGE'
    ORDER BY seq LIMIT :limit
) AS item ON item.session = session.key
WHERE session.key = :session
ORDER BY item.seq;

-- name: set_word_cursor
-- Note up to which entry the words of a chat are in the index.
INSERT INTO word_cursor (session, seq) VALUES (:session, :seq)
ON CONFLICT (session) DO UPDATE SET seq = excluded.seq;

-- name: sessions_without_words
-- Read the newest chats below a key that have no words in the index, for those from before there was one.
SELECT key FROM session
WHERE key < :below AND NOT EXISTS (SELECT 1 FROM word_cursor WHERE word_cursor.session = session.key)
ORDER BY key DESC LIMIT :limit;

-- name: items_with_terms
-- Read the messages of an instance that have all terms, newest chat first, in a range of row numbers.
SELECT item.*, session.initial_contact_id
FROM item_words
    JOIN session ON session.key = item_words.rowid >> 28
    JOIN item ON item.session = session.key AND item.seq = item_words.rowid & 268435455
WHERE /*sqlite*/ item_words MATCH :terms /*pg item_words.terms @> string_to_array(:terms, ' ') */
    AND item_words.rowid BETWEEN :first_number AND :last_number
    AND session.instance_id = :instance_id
ORDER BY item_words.rowid DESC LIMIT :limit;

-- name: newest_words
-- Find the number of the row that has so many newer ones in the index of words, on PostgreSQL; SQLite needs none.
SELECT rowid FROM item_words
WHERE /*sqlite*/ :last_number < 0 /*pg rowid <= :last_number */
ORDER BY rowid DESC LIMIT 1 OFFSET :count;

-- name: items_with_rare_terms
-- Read as items_with_terms, where few messages have all terms: PostgreSQL finds all of these by the index on terms.
SELECT item.*, session.initial_contact_id
FROM /*sqlite*/ item_words /*pg (
        SELECT rowid
        FROM (SELECT rowid FROM item_words WHERE terms @> string_to_array(:terms, ' ') OFFSET 0) AS having_terms
        WHERE rowid BETWEEN :first_number AND :last_number
        ORDER BY rowid DESC LIMIT :limit
    ) AS item_words */
    JOIN item ON item.session = item_words.rowid >> 28 AND item.seq = item_words.rowid & 268435455
    JOIN session ON session.key = item.session
WHERE /*sqlite*/ item_words MATCH :terms AND /*pg */ item_words.rowid BETWEEN :first_number AND :last_number
    AND session.instance_id = :instance_id
ORDER BY item_words.rowid DESC LIMIT :limit;

-- name: delete_words
-- Delete the terms of a chat's messages.
DELETE FROM item_words
WHERE rowid BETWEEN CAST(:session AS BIGINT) * 268435456 AND CAST(:session AS BIGINT) * 268435456 + 268435455;

-- name: delete_word_cursor
-- Forget up to which entry the words of a chat are in the index.
DELETE FROM word_cursor WHERE session = :session;
