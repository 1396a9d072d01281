-- An account has several access keys. Secrets are encrypted; the server that starts encrypts those that are not yet.

ALTER TABLE access_key ADD COLUMN status TEXT NOT NULL DEFAULT 'Active';
ALTER TABLE access_key ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE access_key ADD COLUMN created_at_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_key ADD COLUMN last_used_at_ms BIGINT;
UPDATE access_key SET created_at_ms = coalesce(
    (SELECT min(created_at_ms) FROM instance WHERE instance.account_id = access_key.account_id), 0);
