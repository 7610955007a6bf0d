-- What governance asks about other missions of a repository. The indexes answer by themselves: the
-- documents in a row are large.
ALTER TABLE missions ADD COLUMN subsystem TEXT NOT NULL DEFAULT '';
ALTER TABLE missions ADD COLUMN basis TEXT NOT NULL DEFAULT 'none';
ALTER TABLE missions ADD COLUMN merged_at INTEGER; -- landed, or asked for since
ALTER TABLE missions ADD COLUMN open_capa INTEGER;
CREATE INDEX missions_merged
    ON missions (host, repository_id, merged_at, name, subsystem, basis)
    WHERE merged_at IS NOT NULL;
CREATE INDEX missions_capas ON missions (host, repository_id, open_capa, name, subsystem)
    WHERE open_capa IS NOT NULL;

-- How missions ended: a fold of the ledger's `mission.closed` entries.
CREATE TABLE outcomes (
    log       TEXT NOT NULL,
    subsystem TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    mission   TEXT NOT NULL,
    agent     TEXT NOT NULL,
    severity  TEXT NOT NULL,
    outcome   TEXT NOT NULL,
    basis     TEXT NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (log, subsystem, seq)
) STRICT, WITHOUT ROWID;

-- Which rules a log says were in force: a fold of its `policy.in_force` entries.
CREATE TABLE policies (
    log  TEXT NOT NULL,
    seq  INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX ledger_kind ON ledger (log, kind, seq);

ALTER TABLE switches ADD COLUMN reason TEXT NOT NULL DEFAULT '';

-- Words about issues labelled `grace:stop`. `open`: to stop, else to lift. `actor` is empty where
-- nobody knows who spoke. `allowed`: whether he may write here, NULL until that was read.
CREATE TABLE stops (
    host          TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    open          INTEGER NOT NULL CHECK (open IN (0, 1)),
    actor         TEXT NOT NULL,
    allowed       INTEGER CHECK (allowed IN (0, 1)),
    tried_at      INTEGER,
    word          TEXT NOT NULL,
    PRIMARY KEY (host, repository_id, number, at, open, actor)
) STRICT, WITHOUT ROWID;
CREATE VIEW stops_in_force AS
    SELECT * FROM stops AS word
    WHERE word.open AND word.allowed IS NOT 0 AND NOT EXISTS (
        SELECT 1 FROM stops AS lift
        WHERE lift.host = word.host AND lift.repository_id = word.repository_id
        AND lift.number = word.number AND NOT lift.open AND lift.allowed AND lift.at > word.at);
