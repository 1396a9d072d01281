-- name: count_instances
-- Count the instances, for `threadline check` and the manifest of a backup.
SELECT count(*) FROM instance;

-- name: count_sessions
-- Count the chats, for `threadline check` and the manifest of a backup.
SELECT count(*) FROM session;

-- name: count_contacts
-- Count the contacts, for the manifest of a backup.
SELECT count(*) FROM contact;

-- name: count_items
-- Count the entries of all logs, for the manifest of a backup.
SELECT count(*) FROM item;

-- name: sessions_after
-- Read a page of sessions in the order of their keys, for `threadline check`.
SELECT key, initial_contact_id, current_contact_id, last_position, last_seq
FROM session WHERE key > :after ORDER BY key LIMIT :limit;

-- name: logs_between
-- Read the length and the ends of the logs of some sessions, to find gaps and logs without a session.
SELECT session, count(*), min(seq), max(seq)
FROM item WHERE session BETWEEN :low AND :high GROUP BY session ORDER BY session;

-- name: last_before_gap
-- Find the first entry of a log that the next number does not follow.
SELECT item.seq FROM item
WHERE item.session = :session AND NOT EXISTS (
    SELECT 1 FROM item AS following WHERE following.session = :session AND following.seq = item.seq + 1
)
ORDER BY item.seq LIMIT 1;

-- name: runs_between
-- Read the contacts of some sessions in their order, to find those that do not follow each other.
SELECT session, position, id, previous_contact_id, first_seq
FROM contact WHERE session BETWEEN :low AND :high ORDER BY session, position;

-- name: strays_between
-- Find the entries of some sessions that name another contact than the one that was current at their number.
SELECT item.session, min(item.seq), count(*) FROM item
WHERE item.session BETWEEN :low AND :high AND item.contact_id IS DISTINCT FROM (
    SELECT contact.id FROM contact
    WHERE contact.session = item.session AND contact.first_seq <= item.seq
    ORDER BY contact.position DESC LIMIT 1
)
GROUP BY item.session ORDER BY item.session;

-- name: anchors_between
-- Read the associations of some sessions with the chat that each points to, to find those that point nowhere.
SELECT session.initial_contact_id, session.related_contact_id, session.anchor_session, session.anchor_last_seq,
    contact.session, contact.first_seq, anchor.last_seq
FROM session
LEFT JOIN contact ON contact.instance_id = session.instance_id AND contact.id = session.related_contact_id
LEFT JOIN session AS anchor ON anchor.key = session.anchor_session
WHERE session.key BETWEEN :low AND :high AND session.related_contact_id IS NOT NULL
ORDER BY session.key;
