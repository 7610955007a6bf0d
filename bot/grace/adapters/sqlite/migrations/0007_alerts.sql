-- What became of each alert: one row a fingerprint and repository. `mission` is the last one that it
-- belonged to, NULL where it has had none; `placed`: it has it for what fires now; `told`: that
-- mission hears of each of its changes.
-- `said_at` is the source's time, and all others are ours.
CREATE TABLE alerts (
    host          TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    fingerprint   TEXT NOT NULL,
    subsystem     TEXT NOT NULL,
    status        TEXT NOT NULL CHECK (status IN ('firing', 'resolved')),
    said_at       INTEGER NOT NULL,
    changed_at    INTEGER NOT NULL,
    first_at      INTEGER NOT NULL,
    last_at       INTEGER NOT NULL,
    fired         INTEGER NOT NULL,
    flaps         INTEGER NOT NULL,
    mission       TEXT REFERENCES missions (uid),
    placed        INTEGER NOT NULL CHECK (placed IN (0, 1)),
    told          INTEGER NOT NULL CHECK (told IN (0, 1)),
    PRIMARY KEY (host, repository_id, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE INDEX alerts_last ON alerts (last_at);

-- The alerts of one mission, counted. `subsystem`, `metrics` and `labels` are those of its alerts;
-- `known`: how many it has, `firing`: how many of them fire, `told`: how many are told one by one,
-- `beside`: how many of others it was told of in its window. `first_at` NULL: it has none.
-- `recurred`: the mission in which its problem came back.
CREATE TABLE alert_groups (
    mission   TEXT PRIMARY KEY REFERENCES missions (uid),
    subsystem TEXT NOT NULL DEFAULT '',
    metrics   TEXT NOT NULL DEFAULT '[]',
    labels    TEXT NOT NULL DEFAULT '[]',
    first_at  INTEGER,
    known     INTEGER NOT NULL DEFAULT 0,
    firing    INTEGER NOT NULL DEFAULT 0,
    told      INTEGER NOT NULL DEFAULT 0,
    beside    INTEGER NOT NULL DEFAULT 0,
    recurred  TEXT
) STRICT, WITHOUT ROWID;

-- The missions that alerts filed before: each had one alert, of which the newest mission counts.
INSERT INTO alerts (host, repository_id, fingerprint, subsystem, status, said_at, changed_at,
                    first_at, last_at, fired, flaps, mission, placed, told)
SELECT host, repository_id, alert, subsystem,
       coalesce(json_extract(facts, '$.alert.status'), 'firing'),
       created_at, decided_at, created_at, decided_at, 1, 0, uid, 1, 1
FROM missions AS m
WHERE alert IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM missions AS n WHERE n.host = m.host AND n.repository_id = m.repository_id
    AND n.alert = m.alert AND (n.created_at, n.name) > (m.created_at, m.name));
INSERT INTO alert_groups (mission, subsystem, first_at, known, firing, told)
SELECT m.uid, m.subsystem, m.created_at, 1, a.status = 'firing', 1
FROM missions AS m JOIN alerts AS a ON a.mission = m.uid;

-- Which missions alerts opened lately.
CREATE INDEX missions_alerts ON missions (host, repository_id, created_at) WHERE alert IS NOT NULL;
CREATE INDEX mission_list_closed ON mission_list (log, subsystem, closed_at)
    WHERE closed_at IS NOT NULL;
