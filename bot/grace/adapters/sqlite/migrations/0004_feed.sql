-- The one order of all logs' entries, for whoever follows them. What entries are chosen by stands
-- here too: a search that passes over a million of them reads no record.
CREATE TABLE feed (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    log      TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    mission  TEXT
) STRICT;
INSERT INTO feed (log, seq, kind, mission) SELECT log, seq, kind, mission FROM ledger ORDER BY rowid;
CREATE INDEX feed_log ON feed (log, position);
CREATE INDEX feed_kind ON feed (log, kind, position);
CREATE INDEX feed_mission ON feed (mission, position) WHERE mission IS NOT NULL;

-- Which kinds of entries a log has.
CREATE TABLE feed_kinds (
    log  TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (log, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO feed_kinds (log, kind) SELECT DISTINCT log, kind FROM ledger;

CREATE TRIGGER ledger_feeds AFTER INSERT ON ledger
BEGIN
    INSERT INTO feed (log, seq, kind, mission) VALUES (NEW.log, NEW.seq, NEW.kind, NEW.mission);
    INSERT INTO feed_kinds (log, kind) VALUES (NEW.log, NEW.kind) ON CONFLICT DO NOTHING;
END;

-- What lists show of missions, derived on every commit. It is apart from `missions` because a row
-- there holds documents, and whoever reads behind them reads them. `severity` is the rank, `words`
-- the name and the title as they are searched; `changed_at` is when this or the document changed.
CREATE TABLE mission_list (
    uid         TEXT PRIMARY KEY REFERENCES missions (uid),
    name        TEXT NOT NULL UNIQUE,
    log         TEXT NOT NULL,
    repository  TEXT NOT NULL,
    subsystem   TEXT NOT NULL,
    title       TEXT NOT NULL,
    severity    INTEGER NOT NULL,
    phase       TEXT NOT NULL,
    outcome     TEXT,
    held        INTEGER NOT NULL CHECK (held IN (0, 1)),
    issue       INTEGER,
    pull        INTEGER,
    created_at  INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL,
    closed_at   INTEGER,
    fingerprint TEXT NOT NULL,
    words       TEXT NOT NULL,
    waits_for   TEXT NOT NULL
) STRICT;
CREATE INDEX mission_list_newest ON mission_list (created_at, name);
CREATE INDEX mission_list_urgent ON mission_list (severity, created_at, name);
CREATE INDEX mission_list_live ON mission_list (severity, created_at, name)
    WHERE phase <> 'closed';
CREATE INDEX mission_list_log ON mission_list (log, created_at, name);
CREATE INDEX mission_list_counts ON mission_list (log, phase, outcome);
CREATE INDEX mission_list_fingerprint ON mission_list (log, fingerprint, created_at, name)
    WHERE fingerprint <> '';

-- The newest claim on each mission, by its name.
CREATE TABLE leases (
    mission    TEXT PRIMARY KEY REFERENCES missions (name),
    agent_id   TEXT NOT NULL,
    agent_role TEXT NOT NULL,
    holder     TEXT NOT NULL,
    since      INTEGER NOT NULL,
    until      INTEGER NOT NULL
) STRICT;

-- What was answered to requests with an `Idempotency-Key`.
CREATE TABLE answers (
    caller TEXT NOT NULL,
    key    TEXT NOT NULL,
    digest TEXT NOT NULL,
    status INTEGER NOT NULL,
    body   BLOB NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT;
CREATE INDEX answers_at ON answers (at);
