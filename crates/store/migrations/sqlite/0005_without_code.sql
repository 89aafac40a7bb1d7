-- An authorization that was given in no browser has no session, and one that is not a code's has no code. No column of a table
-- loses its NOT NULL, so the table is made anew (<https://sqlite.org/lang_altertable.html#otheralter>). No table refers to it.

CREATE TABLE authorization_anew (
  realm              INTEGER NOT NULL,
  id                 BLOB    NOT NULL,
  client_id          TEXT    NOT NULL,
  user_id            BLOB    NOT NULL,
  session_id         BLOB,
  consent_id         BLOB    NOT NULL,
  epoch              INTEGER NOT NULL,
  created_at         INTEGER NOT NULL,
  expires_at         INTEGER NOT NULL,
  last_used_at       INTEGER NOT NULL,
  revoked_at         INTEGER,
  code_digest        BLOB,
  code_expires_at    INTEGER,
  redeemed_at        INTEGER,
  burnt_at           INTEGER,
  generation         INTEGER,
  refresh_digest     BLOB,
  rotated_at         INTEGER,
  refresh_expires_at INTEGER,
  body               TEXT    NOT NULL,
  PRIMARY KEY (realm, id),
  FOREIGN KEY (realm, consent_id) REFERENCES consent (realm, id)
) STRICT, WITHOUT ROWID;
INSERT INTO authorization_anew
  (realm, id, client_id, user_id, session_id, consent_id, epoch, created_at, expires_at, last_used_at, revoked_at,
   code_digest, code_expires_at, redeemed_at, burnt_at, generation, refresh_digest, rotated_at, refresh_expires_at, body)
SELECT
   realm, id, client_id, user_id, session_id, consent_id, epoch, created_at, expires_at, last_used_at, revoked_at,
   code_digest, code_expires_at, redeemed_at, burnt_at, generation, refresh_digest, rotated_at, refresh_expires_at, body
FROM authorization;
DROP TABLE authorization;
ALTER TABLE authorization_anew RENAME TO authorization;
CREATE INDEX authorization_under ON authorization (realm, consent_id);
CREATE INDEX authorization_expiry ON authorization (expires_at);
CREATE INDEX authorization_revoked ON authorization (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX authorization_unredeemed ON authorization (code_expires_at)
  WHERE redeemed_at IS NULL AND code_expires_at IS NOT NULL;
