-- Tasks that are not urgent run in the background, one at a time.

ALTER TABLE task ADD COLUMN background INTEGER NOT NULL DEFAULT 0;
UPDATE task SET background = 1 WHERE kind IN ('index', 'index_past');
DROP INDEX task_due;
CREATE INDEX task_due ON task (background, due_at_ms);
