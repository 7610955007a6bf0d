-- What ended missions leave: a fold of the ledger's `mission.remembered` entries and of what was
-- said of those missions later. `spoiled`: its patch was reverted, or did not last. `forgotten`: it
-- is not to be found, as a person said, or since nobody ever began it. `changed`
-- counts up over the whole table, for those who keep a copy; after a rebuild `epoch` is another.
CREATE TABLE memory (
    id              INTEGER PRIMARY KEY,
    log             TEXT NOT NULL,
    mission         TEXT NOT NULL,
    host            TEXT NOT NULL,
    repository_id   INTEGER NOT NULL,
    installation_id INTEGER,
    closed_at       INTEGER NOT NULL,
    lesson          TEXT NOT NULL,
    digest          TEXT,
    spoiled         INTEGER NOT NULL CHECK (spoiled IN (0, 1)),
    forgotten       INTEGER NOT NULL CHECK (forgotten IN (0, 1)),
    changed         INTEGER NOT NULL UNIQUE,
    document        TEXT NOT NULL,
    diff            TEXT, -- of the patch that landed; the document leaves it out
    UNIQUE (log, mission)
) STRICT;
CREATE INDEX memory_installation ON memory (host, installation_id, closed_at);
CREATE INDEX memory_digest ON memory (log, digest) WHERE digest IS NOT NULL;
CREATE INDEX memory_proposed ON memory (closed_at) WHERE lesson = 'proposed';

CREATE TABLE memory_state (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    store TEXT NOT NULL, -- tells this store from others that keep a copy in one place
    epoch INTEGER NOT NULL,
    last  INTEGER NOT NULL
) STRICT;
INSERT INTO memory_state (one, store, epoch, last) VALUES (1, lower(hex(randomblob(16))), 1, 0);

-- Terms with a space between, as grace.domain.memory.question writes them; the row is that of `memory`.
CREATE VIRTUAL TABLE memory_text
    USING fts5 (head, details, trace, tokenize = "ascii tokenchars '_'");
CREATE VIRTUAL TABLE memory_terms USING fts5vocab (memory_text, row);

-- Whether a repository is private, as the forge said last; one that is not here is not known.
CREATE TABLE visibility (
    host          TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    private       INTEGER NOT NULL CHECK (private IN (0, 1)),
    at            INTEGER NOT NULL,
    PRIMARY KEY (host, repository_id)
) STRICT, WITHOUT ROWID;
