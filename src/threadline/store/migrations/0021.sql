-- A change of a contact's data in a chat whose contact events are delivered. It names what was changed, without values.

CREATE TABLE data_update (
    session BIGINT NOT NULL,
    number BIGINT NOT NULL,
    contact_id TEXT NOT NULL,
    properties TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (session, number)
);

-- A stream of events has delivered up to the number of a state, and up to that of a change.
UPDATE stream SET delivered = '[' || delivered || ',0]' WHERE kind = 'EVENTS';
