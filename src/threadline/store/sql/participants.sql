-- name: insert_participant
INSERT INTO participant (session, id, role, display_name, user_id, contact_id, created_at_ms, connected_at_ms)
VALUES (:session, :id, :role, :display_name, :user_id, :contact_id, :now_ms, :connected_at_ms);

-- name: participant
SELECT * FROM participant WHERE session = :session AND id = :id;

-- name: participant_and_session
SELECT participant.*, session.*
FROM session JOIN participant ON participant.session = session.key
WHERE session.key = :session AND participant.id = :id /*pg FOR UPDATE */;

-- name: sender
SELECT participant.*, session.*,
    (SELECT flow_run.state FROM flow_run
        WHERE flow_run.session = session.key AND flow_run.contact_id = session.current_contact_id),
    (SELECT item.seq FROM item WHERE item.session = session.key AND item.client_token = :client_token)
FROM session JOIN participant ON participant.session = session.key
WHERE session.key = :session AND participant.id = :id /*pg FOR UPDATE OF session, participant */;

-- name: participants
SELECT * FROM participant WHERE session = :session ORDER BY id;

-- name: participant_connected
UPDATE participant SET connected_at_ms = :now_ms
WHERE session = :session AND id = :id AND connected_at_ms IS NULL
RETURNING id;

-- name: participant_subscribed
UPDATE participant SET subscribed_at_ms = :now_ms
WHERE session = :session AND id = :id AND subscribed_at_ms IS NULL
RETURNING id;

-- name: participant_left
UPDATE participant SET left_at_ms = :now_ms, left_seq = :left_seq WHERE session = :session AND id = :id;

-- name: insert_token
INSERT INTO token (hash, kind, session, participant_id, expires_at_ms)
VALUES (:hash, :kind, :session, :participant_id, :expires_at_ms);

-- name: token
SELECT session, participant_id, expires_at_ms FROM token WHERE hash = :hash AND kind = :kind;

-- name: token_of_other_kind
SELECT kind FROM token WHERE hash = :hash;
