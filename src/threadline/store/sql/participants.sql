-- name: insert_participant
-- Add a participant to a session.
INSERT INTO participant (session, id, role, display_name, user_id, contact_id, created_at_ms, connected_at_ms)
VALUES (:session, :id, :role, :display_name, :user_id, :contact_id, :now_ms, :connected_at_ms);

-- name: participant
-- Read one participant of a session.
SELECT * FROM participant WHERE session = :session AND id = :id;

-- name: participant_and_session
-- Read a participant with their session, and lock both, for operations of participants that write.
SELECT participant.*, session.*
FROM session JOIN participant ON participant.session = session.key
WHERE session.key = :session AND participant.id = :id /*pg FOR UPDATE */;

-- name: participant_with_instance
-- Read a participant with the first contact of their chat and its instance, for the audit.
SELECT participant.*, session.initial_contact_id, instance.*
FROM session JOIN participant ON participant.session = session.key
JOIN instance ON instance.id = session.instance_id
WHERE session.key = :session AND participant.id = :id;

-- name: sender
-- Read and lock all that SendMessage decides by: the participant, the session, the state of the contact's flow,
-- the entry that has the same ClientToken already, and the task that will index the chat's messages.
SELECT participant.*, session.*,
    (SELECT flow_run.state FROM flow_run
        WHERE flow_run.session = session.key AND flow_run.contact_id = session.current_contact_id),
    (SELECT item.seq FROM item WHERE item.session = session.key AND item.client_token = /*sqlite*/ :client_token /*pg asked.client_token */),
    (SELECT task.id FROM task WHERE task.session = session.key AND task.kind = 'index')
/*sqlite*/ FROM session JOIN participant ON participant.session = session.key
WHERE session.key = :session AND participant.id = :id
/*pg FROM (VALUES (:session ::bigint, :id ::text, :client_token ::text)) AS asked (session, id, client_token)
JOIN session ON session.key = asked.session
JOIN participant ON participant.session = asked.session AND participant.id = asked.id */
/*pg FOR UPDATE OF session, participant */;

-- name: participants
-- Read all participants of a session.
SELECT * FROM participant WHERE session = :session ORDER BY id;

-- name: participant_connected
-- Note that a participant has connected. No row comes back when they have connected before.
UPDATE participant SET connected_at_ms = :now_ms
WHERE session = :session AND id = :id AND connected_at_ms IS NULL
RETURNING id;

-- name: participant_subscribed
-- Note that a participant's socket has subscribed. No row comes back when one has before.
UPDATE participant SET subscribed_at_ms = :now_ms
WHERE session = :session AND id = :id AND subscribed_at_ms IS NULL
RETURNING id;

-- name: participant_left
-- Note when a participant left, and after which entry of the log.
UPDATE participant SET left_at_ms = :now_ms, left_seq = :left_seq WHERE session = :session AND id = :id;

-- name: insert_token
-- Add a token of a participant, by its hash.
INSERT INTO token (hash, kind, session, participant_id, expires_at_ms)
VALUES (:hash, :kind, :session, :participant_id, :expires_at_ms);

-- name: token
-- Find the participant that a token of one kind belongs to.
SELECT session, participant_id, expires_at_ms FROM token WHERE hash = :hash AND kind = :kind;

-- name: token_of_other_kind
-- Find the kind of a token, to say that a call shows the wrong one.
SELECT kind FROM token WHERE hash = :hash;
