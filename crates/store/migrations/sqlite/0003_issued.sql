-- Tokens issued, by client, grant and minute.

CREATE TABLE issued (
  realm     INTEGER NOT NULL,
  minute    INTEGER NOT NULL,
  client_id TEXT    NOT NULL,
  "grant"   TEXT    NOT NULL,
  count     INTEGER NOT NULL,
  PRIMARY KEY (realm, minute, client_id, "grant")
) STRICT, WITHOUT ROWID;
