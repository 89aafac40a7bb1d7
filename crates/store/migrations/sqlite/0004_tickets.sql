-- What is handed out for a short time, and ids that others chose.

-- With a rowid: a body may be longer than a quarter of a page, which an index tree would spill.
CREATE TABLE ticket (
  realm         INTEGER NOT NULL,
  id            BLOB    NOT NULL,
  kind          TEXT    NOT NULL,
  digest        BLOB    NOT NULL,
  second_digest BLOB,
  version       INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL,
  used_at       INTEGER,
  body          TEXT    NOT NULL,
  PRIMARY KEY (realm, id)
) STRICT;
CREATE INDEX ticket_second ON ticket (realm, kind, second_digest) WHERE second_digest IS NOT NULL;
CREATE INDEX ticket_expiry ON ticket (expires_at);

CREATE TABLE seen (
  realm  INTEGER NOT NULL,
  minute INTEGER NOT NULL,
  digest BLOB    NOT NULL,
  PRIMARY KEY (realm, minute, digest)
) STRICT, WITHOUT ROWID;
