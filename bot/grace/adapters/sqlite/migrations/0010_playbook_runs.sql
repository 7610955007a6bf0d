-- Runs of playbooks, for the runners beside their targets. `ordered`: what is to be done;
-- `report`: the newest word of the runner, `number` its number, -1 before the first. `lease` and
-- `runner` are the last who took it, with `token`; `until` when that claim runs out. `withdrawn`: why it is to
-- stop. `ended_at`: it is over.
CREATE TABLE playbook_runs (
    id         TEXT PRIMARY KEY,
    mission    TEXT NOT NULL REFERENCES missions (uid),
    target     TEXT NOT NULL,
    ordered    TEXT NOT NULL,
    offered_at INTEGER NOT NULL,
    expires_at INTEGER,
    withdrawn  TEXT,
    runner     TEXT,
    token      TEXT,
    lease      TEXT,
    until      INTEGER,
    number     INTEGER NOT NULL DEFAULT -1,
    report     TEXT,
    ended_at   INTEGER
) STRICT;
CREATE INDEX playbook_runs_open ON playbook_runs (target, offered_at) WHERE ended_at IS NULL;
