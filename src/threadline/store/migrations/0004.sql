-- A repeated ClientToken of SendMessage is found by the entry that it made.

ALTER TABLE item ADD COLUMN client_token TEXT;
CREATE UNIQUE INDEX item_client_token ON item (session, client_token) WHERE client_token IS NOT NULL;
