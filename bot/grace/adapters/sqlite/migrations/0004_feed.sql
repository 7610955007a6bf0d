-- The one order of all logs' entries, for whoever follows them.
CREATE TABLE feed (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    log      TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    UNIQUE (log, seq)
) STRICT;
INSERT INTO feed (log, seq) SELECT log, seq FROM ledger ORDER BY rowid;
CREATE TRIGGER ledger_feeds AFTER INSERT ON ledger
BEGIN
    INSERT INTO feed (log, seq) VALUES (NEW.log, NEW.seq);
END;
