-- Who follows the feed outside of the process, and what was sent.

-- `position`: the newest place of the feed that a follower has read.
CREATE TABLE followers (
    name     TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a route has to say in a channel and is in no message yet.
CREATE TABLE notices (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    channel  TEXT NOT NULL,
    route    TEXT NOT NULL,
    position INTEGER NOT NULL,
    subject  TEXT NOT NULL,
    tone     TEXT NOT NULL,
    title    TEXT NOT NULL,
    detail   TEXT NOT NULL,
    link     TEXT NOT NULL,
    due_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX notices_due ON notices (channel, due_at);

CREATE TABLE messages (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    channel    TEXT NOT NULL,
    route      TEXT NOT NULL,
    title      TEXT NOT NULL,
    body       TEXT NOT NULL,
    tone       TEXT NOT NULL,
    state      TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    tries      INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    ended_at   INTEGER,
    error      TEXT
) STRICT;
CREATE INDEX messages_due ON messages (channel, due_at) WHERE state = 'waiting';
CREATE INDEX messages_made ON messages (channel, created_at);
CREATE INDEX messages_ended ON messages (ended_at) WHERE ended_at IS NOT NULL;

-- The body of a delivery is made of the entry at its position, the same each time.
CREATE TABLE webhook_deliveries (
    id         TEXT NOT NULL UNIQUE,
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook    TEXT NOT NULL,
    position   INTEGER NOT NULL REFERENCES feed (position),
    state      TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    tries      INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    ended_at   INTEGER,
    status     INTEGER,
    error      TEXT
) STRICT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook, due_at)
    WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_listed ON webhook_deliveries (webhook, number);
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

-- Webhooks that want nothing more at the address that they had.
CREATE TABLE webhooks_off (
    webhook TEXT PRIMARY KEY,
    url     TEXT NOT NULL,
    reason  TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
