-- When Grace began a mission by herself; NULL where a person did.
ALTER TABLE missions ADD COLUMN self_started_at INTEGER;

CREATE INDEX missions_self_started ON missions (host, repository_id, self_started_at)
    WHERE self_started_at IS NOT NULL;
