-- Contacts are searched by the time at which they began, also those whose ids do not begin with it.

CREATE INDEX contact_begun ON contact (instance_id, initiated_at_ms, id);
