-- A row class in threadline.chat names these columns in this order.

CREATE TABLE instance (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    alias TEXT NOT NULL,
    paging_key TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);

CREATE TABLE access_key (
    id TEXT NOT NULL PRIMARY KEY,
    secret TEXT NOT NULL,
    account_id TEXT NOT NULL,
    session_token_hash TEXT,
    expires_at_ms BIGINT
);

CREATE TABLE queue (
    instance_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE TABLE agent (
    instance_id TEXT NOT NULL,
    id TEXT NOT NULL,
    username TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    routing_profile_id TEXT NOT NULL,
    security_profile_id TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);

CREATE TABLE contact_flow (
    instance_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    description TEXT,
    content TEXT NOT NULL,
    tags TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (instance_id, id)
);
CREATE UNIQUE INDEX contact_flow_name ON contact_flow (instance_id, name);

CREATE TABLE session (
    key INTEGER PRIMARY KEY,
    instance_id TEXT NOT NULL,
    initial_contact_id TEXT NOT NULL,
    current_contact_id TEXT NOT NULL,
    last_position INTEGER NOT NULL,
    last_seq BIGINT NOT NULL,
    last_at_ms BIGINT NOT NULL,
    started_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    ended_at_ms BIGINT,
    customer_id TEXT,
    content_types TEXT NOT NULL,
    event_hooks TEXT NOT NULL,
    disconnect_on_customer_exit INTEGER NOT NULL,
    root_contact_id TEXT NOT NULL,
    related_contact_id TEXT,
    rehydration_type TEXT,
    source_contact_id TEXT,
    anchor_session BIGINT,
    anchor_last_seq BIGINT,
    associated_at_ms BIGINT
) /*pg WITH (fillfactor = 60) */;
CREATE INDEX session_root ON session (instance_id, root_contact_id, key);
CREATE INDEX session_open ON session (instance_id) WHERE ended_at_ms IS NULL;

CREATE TABLE session_attributes (
    session BIGINT NOT NULL PRIMARY KEY,
    attributes TEXT NOT NULL,
    segment_attributes TEXT NOT NULL
);

CREATE TABLE contact (
    session BIGINT NOT NULL,
    position INTEGER NOT NULL,
    instance_id TEXT NOT NULL,
    id TEXT NOT NULL,
    previous_contact_id TEXT,
    initiation_method TEXT NOT NULL,
    first_seq BIGINT NOT NULL,
    flow_id TEXT,
    initiated_at_ms BIGINT NOT NULL,
    connected_at_ms BIGINT,
    target_queue_id TEXT,
    queue_id TEXT,
    enqueued_at_ms BIGINT,
    offered_user_id TEXT,
    user_id TEXT,
    accepted_at_ms BIGINT,
    disconnected_at_ms BIGINT,
    disconnect_reason TEXT,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (session, position)
);
CREATE UNIQUE INDEX contact_id ON contact (instance_id, id);

CREATE TABLE flow_run (
    session BIGINT NOT NULL,
    contact_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (session, contact_id)
);

CREATE TABLE participant (
    session BIGINT NOT NULL,
    id TEXT NOT NULL,
    role TEXT NOT NULL,
    display_name TEXT NOT NULL,
    user_id TEXT,
    contact_id TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    connected_at_ms BIGINT,
    subscribed_at_ms BIGINT,
    left_at_ms BIGINT,
    left_seq BIGINT,
    PRIMARY KEY (session, id)
);

CREATE TABLE token (
    hash TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    session BIGINT NOT NULL,
    participant_id TEXT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX token_expiry ON token (expires_at_ms);

CREATE TABLE item (
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    contact_id TEXT NOT NULL,
    id TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    type TEXT NOT NULL,
    content_type TEXT NOT NULL,
    content TEXT,
    participant_id TEXT,
    display_name TEXT,
    participant_role TEXT,
    push_only INTEGER NOT NULL,
    audience TEXT,
    metadata TEXT,
    UNIQUE (session, seq)
);

CREATE INDEX item_push_only ON item (session, seq) WHERE push_only = 1;

CREATE TABLE receipt (
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    recipient_id TEXT NOT NULL,
    delivered_at_ms BIGINT,
    read_at_ms BIGINT,
    PRIMARY KEY (session, seq, recipient_id)
);

CREATE TABLE reply (
    key TEXT NOT NULL PRIMARY KEY,
    arguments_hash TEXT NOT NULL,
    salt TEXT NOT NULL,
    reply TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX reply_age ON reply (created_at_ms);

CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    session BIGINT,
    contact_id TEXT,
    due_at_ms BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX task_due ON task (due_at_ms);
CREATE INDEX task_session ON task (session, kind);
