-- The mission that a mission is a child of, by name.
ALTER TABLE missions ADD COLUMN parent TEXT;

UPDATE missions SET parent = json_extract(mission, '$.request.parent_id');

CREATE INDEX missions_parent ON missions (host, repository_id, parent) WHERE parent IS NOT NULL;

-- What missions asked of agents, and which playbooks they ran: for the budgets of a day.
CREATE TABLE remedies_used (
    mission TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('ask', 'run')),
    number INTEGER NOT NULL,
    host TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    target TEXT NOT NULL,
    at INTEGER NOT NULL,
    money_usd REAL NOT NULL,
    PRIMARY KEY (mission, kind, number)
);

CREATE INDEX remedies_used_at ON remedies_used (host, repository_id, kind, at);
