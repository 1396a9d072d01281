-- Contacts of other systems are imported. Their sessions have keys below 0, in the order of their times, so that they
-- stand before all others. Here is the rest of what an import knows of them.

CREATE TABLE imported_contact (
    session BIGINT NOT NULL,
    contact_id TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    state TEXT NOT NULL,
    waits_for TEXT,
    members TEXT,
    PRIMARY KEY (session, contact_id)
);
CREATE INDEX imported_waiting ON imported_contact (instance_id, waits_for) WHERE waits_for IS NOT NULL;

CREATE TABLE imported_item (
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    members TEXT NOT NULL,
    PRIMARY KEY (session, seq)
);
