-- Commits of other people's on which our required check says that they are no mission.
CREATE TABLE courtesies (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    host            TEXT NOT NULL,
    repository_id   INTEGER NOT NULL,
    sha             TEXT NOT NULL,
    pull            TEXT NOT NULL,
    courtesy        TEXT NOT NULL,
    tries           INTEGER NOT NULL DEFAULT 0,
    due_at          INTEGER NOT NULL,
    ended           TEXT CHECK (ended IN ('said', 'dropped')),
    UNIQUE (host, repository_id, sha)
) STRICT;
CREATE INDEX courtesies_open ON courtesies (due_at, id) WHERE ended IS NULL;

-- Refusals are answered in comments of their own now.
UPDATE missions SET mission = json_remove(mission, '$.refused');
