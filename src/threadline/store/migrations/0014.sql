-- Messages are found by their words. The row of an item is numbered by its session and its number in the log:
-- session * 2^28 + seq.

/*sqlite*/
CREATE VIRTUAL TABLE item_words USING fts5(terms, tokenize = "ascii tokenchars '_'", detail = none);
/*pg CREATE TABLE item_words (rowid BIGINT NOT NULL PRIMARY KEY, terms TEXT[] NOT NULL);
CREATE INDEX item_words_terms ON item_words USING gin (terms) WITH (fastupdate = on);
*/

CREATE TABLE word_cursor (
    session BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);

-- The chats that are there already get their words in the background.
INSERT INTO task (kind, session, contact_id, due_at_ms, attempts, payload)
SELECT 'index_past', NULL, NULL, 0, 0, '{"below": ' || (max(key) + 1) || '}' FROM session HAVING count(*) > 0;
