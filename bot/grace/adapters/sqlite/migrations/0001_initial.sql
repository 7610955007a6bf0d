-- Times are microseconds since 1970 in UTC. JSON is written by the domain's own models.

CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    origin      TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    event       TEXT NOT NULL,
    body        BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    routed_at   INTEGER,
    note        TEXT,
    UNIQUE (origin, delivery_id)
) STRICT;
CREATE INDEX deliveries_unrouted ON deliveries (id) WHERE routed_at IS NULL;

-- The columns in front of `mission` are derived from it on every commit, to be searched by.
CREATE TABLE missions (
    uid             TEXT PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE,
    host            TEXT NOT NULL,
    repository_id   INTEGER NOT NULL,
    installation_id INTEGER,
    issue           INTEGER,
    alert           TEXT,
    phase           TEXT NOT NULL,
    severity        INTEGER NOT NULL,
    paths           TEXT NOT NULL,
    reverted_at     INTEGER,
    created_at      INTEGER NOT NULL,
    mission         TEXT NOT NULL,
    facts           TEXT NOT NULL,
    verdict         TEXT,
    version         INTEGER NOT NULL DEFAULT 0,
    wake_at         INTEGER,
    decided_at      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX missions_issue ON missions (host, repository_id, issue)
    WHERE issue IS NOT NULL;
CREATE INDEX missions_repository ON missions (host, repository_id, phase);
CREATE INDEX missions_reverted ON missions (host, repository_id, reverted_at)
    WHERE reverted_at IS NOT NULL;
CREATE INDEX missions_wake ON missions (wake_at) WHERE wake_at IS NOT NULL;

-- Pull requests and commits by which the forge's events find a mission. Never forgotten.
CREATE TABLE lookups (
    host          TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('pull', 'sha')),
    value         TEXT NOT NULL,
    mission       TEXT NOT NULL REFERENCES missions (uid),
    PRIMARY KEY (host, repository_id, kind, value, mission)
) STRICT, WITHOUT ROWID;

CREATE TABLE mission_numbers (
    day  TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;

CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    mission    TEXT NOT NULL REFERENCES missions (uid),
    key        TEXT NOT NULL,
    slot       TEXT,
    effect     TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('pending', 'begun', 'done', 'failed')),
    tries      INTEGER NOT NULL DEFAULT 0,
    due_at     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    log        TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    hash       TEXT NOT NULL,
    time       TEXT,
    last_error TEXT,
    UNIQUE (mission, key)
) STRICT;
CREATE INDEX outbox_open ON outbox (mission, id) WHERE state IN ('pending', 'begun');

-- `delivery` or `job` says where an event came from.
CREATE TABLE events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    mission    TEXT NOT NULL REFERENCES missions (uid),
    event      TEXT NOT NULL,
    delivery   INTEGER REFERENCES deliveries (id),
    job        INTEGER,
    created_at INTEGER NOT NULL,
    handled_at INTEGER
) STRICT;
CREATE INDEX events_waiting ON events (mission, id) WHERE handled_at IS NULL;

-- `line` holds the exact bytes of the record; the other columns repeat what it says.
CREATE TABLE ledger (
    log     TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    line    BLOB NOT NULL,
    hash    TEXT NOT NULL,
    time    TEXT NOT NULL,
    mission TEXT,
    kind    TEXT NOT NULL,
    PRIMARY KEY (log, seq)
) STRICT;
CREATE INDEX ledger_mission ON ledger (log, mission, seq) WHERE mission IS NOT NULL;
CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

CREATE TABLE switches (
    name       TEXT PRIMARY KEY,
    is_on      INTEGER NOT NULL CHECK (is_on IN (0, 1)),
    actor      TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
