-- A browser signs in with a token, once, and gets a temporary access key of the account.

CREATE TABLE sign_in_token (
    hash TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
