-- Public keys that prove an account by a signature; a key is of one account at a time.
CREATE TABLE public_key (
    -- 'SHA256:...', the hash of `blob`
    id TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES account (name),
    name TEXT NOT NULL,
    blob BLOB NOT NULL,
    added_by TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_by TEXT
) STRICT;
CREATE UNIQUE INDEX live_public_key ON public_key (id) WHERE revoked_at IS NULL;
CREATE INDEX public_key_of_account ON public_key (account);
