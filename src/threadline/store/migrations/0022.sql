-- Give each alias of an account to one instance. Of several that have got the same one, the oldest keeps it.
UPDATE instance SET alias = alias || '-' || id
WHERE EXISTS (
    SELECT 1 FROM instance AS older
    WHERE older.account_id = instance.account_id AND older.alias = instance.alias
        AND (older.created_at_ms < instance.created_at_ms
            OR (older.created_at_ms = instance.created_at_ms AND older.id < instance.id))
);
CREATE UNIQUE INDEX instance_alias ON instance (account_id, alias);
