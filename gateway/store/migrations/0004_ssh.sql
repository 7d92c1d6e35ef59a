-- Public keys of people and services.
CREATE TABLE ssh_key (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (name),
    name TEXT NOT NULL,
    -- as SSH sends it
    blob BLOB NOT NULL CHECK (length(blob) BETWEEN 1 AND 2048),
    fingerprint TEXT NOT NULL,
    added_by TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used INTEGER,
    revoked_at INTEGER,
    revoked_by TEXT
) STRICT;
CREATE INDEX ssh_key_of_account ON ssh_key (account);
-- a key belongs to one account only
CREATE UNIQUE INDEX ssh_key_owner ON ssh_key (fingerprint) WHERE revoked_at IS NULL;

-- Short-lived certificates that the gateway signed: kept to be revoked before their time.
CREATE TABLE ssh_certificate (
    serial INTEGER NOT NULL PRIMARY KEY CHECK (serial > 0),
    account TEXT NOT NULL REFERENCES account (name),
    -- of the public key that was signed
    fingerprint TEXT NOT NULL,
    -- id of the credential that it was asked for with: it ends with that one's revocation
    issued_with TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_by TEXT
) STRICT;
CREATE INDEX ssh_certificate_of_account ON ssh_certificate (account, valid_until);
