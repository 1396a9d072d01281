-- name: count_instances
SELECT count(*) FROM instance;

-- name: count_sessions
SELECT count(*) FROM session;

-- name: count_contacts
SELECT count(*) FROM contact;

-- name: count_items
SELECT count(*) FROM item;

-- name: sessions_after
SELECT key, initial_contact_id, current_contact_id, last_position, last_seq
FROM session WHERE key > :after ORDER BY key LIMIT :limit;

-- name: logs_between
SELECT session, count(*), min(seq), max(seq)
FROM item WHERE session BETWEEN :low AND :high GROUP BY session ORDER BY session;

-- name: last_before_gap
SELECT item.seq FROM item
WHERE item.session = :session AND NOT EXISTS (
    SELECT 1 FROM item AS following WHERE following.session = :session AND following.seq = item.seq + 1
)
ORDER BY item.seq LIMIT 1;

-- name: runs_between
SELECT session, position, id, previous_contact_id, first_seq
FROM contact WHERE session BETWEEN :low AND :high ORDER BY session, position;

-- name: strays_between
SELECT item.session, min(item.seq), count(*) FROM item
WHERE item.session BETWEEN :low AND :high AND item.contact_id IS DISTINCT FROM (
    SELECT contact.id FROM contact
    WHERE contact.session = item.session AND contact.first_seq <= item.seq
    ORDER BY contact.position DESC LIMIT 1
)
GROUP BY item.session ORDER BY item.session;

-- name: anchors_between
SELECT session.initial_contact_id, session.related_contact_id, session.anchor_session, session.anchor_last_seq,
    contact.session, contact.first_seq, anchor.last_seq
FROM session
LEFT JOIN contact ON contact.instance_id = session.instance_id AND contact.id = session.related_contact_id
LEFT JOIN session AS anchor ON anchor.key = session.anchor_session
WHERE session.key BETWEEN :low AND :high AND session.related_contact_id IS NOT NULL
ORDER BY session.key;
