CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    -- 'user:ada', 'service:robot'
    identity TEXT NOT NULL,
    target TEXT NOT NULL,
    protocol TEXT NOT NULL,
    address TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    -- digest of the sealed recording
    tape TEXT
) STRICT;
CREATE INDEX session_by_opening ON session (opened_at);
CREATE INDEX session_open ON session (closed_at) WHERE closed_at IS NULL;

-- One row: the newest checkpoint of the audit log that was ever seen.
CREATE TABLE checkpoint (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    size INTEGER NOT NULL,
    root BLOB NOT NULL CHECK (length(root) = 32)
) STRICT;
