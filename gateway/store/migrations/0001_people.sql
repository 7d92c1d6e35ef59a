-- Users and services share one name space; a service has an owner.
CREATE TABLE account (
    name TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('user', 'service')),
    owner TEXT REFERENCES account (name),
    salt BLOB NOT NULL CHECK (length(salt) = 16),
    iterations INTEGER NOT NULL CHECK (iterations > 0),
    added_by TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    CHECK ((kind = 'service') = (owner IS NOT NULL))
) STRICT;

CREATE TABLE membership (
    account TEXT NOT NULL REFERENCES account (name),
    team TEXT NOT NULL,
    given_by TEXT NOT NULL,
    given_at INTEGER NOT NULL,
    PRIMARY KEY (account, team)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (name),
    name TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    stored_key BLOB NOT NULL CHECK (length(stored_key) = 32),
    server_key BLOB NOT NULL CHECK (length(server_key) = 32),
    issued_by TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used INTEGER,
    revoked_at INTEGER,
    revoked_by TEXT
) STRICT;
CREATE INDEX token_of_account ON token (account);

CREATE TABLE lock (
    kind TEXT NOT NULL CHECK (kind IN ('user', 'token', 'target')),
    name TEXT NOT NULL,
    locked_by TEXT NOT NULL,
    locked_at INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
