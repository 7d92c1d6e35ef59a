-- The question is whole in `question`; the other columns repeat what is looked for.
CREATE TABLE approval (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    digest TEXT NOT NULL,
    asker TEXT NOT NULL,
    holder TEXT NOT NULL,
    -- 'session' or 'identity': what it is bound to
    bound TEXT NOT NULL,
    question TEXT NOT NULL
) STRICT;
CREATE INDEX approval_by_state ON approval (state, asker);
CREATE INDEX approval_by_asker ON approval (asker);
CREATE INDEX approval_by_digest ON approval (digest);
