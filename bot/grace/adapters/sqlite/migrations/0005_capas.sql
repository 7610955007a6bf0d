-- The register of CAPAs. The columns in front of `record` are derived from it on every write.
-- `uid` names it in markers; of one that a mission filed it is the mission's.
CREATE TABLE capas (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    capa_id       TEXT NOT NULL UNIQUE,
    uid           TEXT NOT NULL UNIQUE,
    log           TEXT NOT NULL,
    host          TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    state         TEXT NOT NULL,
    due_at        INTEGER,
    wake_at       INTEGER,
    record        TEXT NOT NULL
) STRICT;
CREATE INDEX capas_log ON capas (log, id);
CREATE INDEX capas_wake ON capas (wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE capa_numbers (
    day  TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;

-- What is still to be done at the forge, for each CAPA one after another.
CREATE TABLE capa_effects (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    capa_id    TEXT NOT NULL REFERENCES capas (capa_id),
    effect     TEXT NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,
    due_at     INTEGER NOT NULL,
    ended      TEXT CHECK (ended IN ('done', 'failed')),
    last_error TEXT
) STRICT;
CREATE INDEX capa_effects_open ON capa_effects (capa_id, id) WHERE ended IS NULL;

-- Closings and openings of their issues by people whose permission is not read yet.
CREATE TABLE capa_words (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    uid      TEXT NOT NULL REFERENCES capas (uid),
    open     INTEGER NOT NULL CHECK (open IN (0, 1)),
    login    TEXT NOT NULL,
    at       INTEGER NOT NULL,
    word     TEXT NOT NULL,
    ended    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (uid, at, open, login)
) STRICT;
CREATE INDEX capa_words_open ON capa_words (id) WHERE NOT ended;

-- Written now and then to find out whether the store can be written, and how long that takes.
CREATE TABLE pulse (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
