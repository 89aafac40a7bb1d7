-- Times are milliseconds since 1970, ids 16 bytes, digests 32 bytes, bodies JSON. `realm` leads every primary key.

CREATE TABLE realm (
  realm      INTEGER NOT NULL PRIMARY KEY,
  issuer     TEXT    NOT NULL,
  key_check  BLOB    NOT NULL,
  generation INTEGER NOT NULL,
  epoch      INTEGER NOT NULL
) STRICT;

CREATE TABLE client (
  realm     INTEGER NOT NULL,
  client_id TEXT    NOT NULL,
  applied   INTEGER NOT NULL,
  body      TEXT    NOT NULL,
  PRIMARY KEY (realm, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_applied ON client (realm, client_id) WHERE applied = 1;

CREATE TABLE resource (
  realm      INTEGER NOT NULL,
  identifier TEXT    NOT NULL,
  applied    INTEGER NOT NULL,
  body       TEXT    NOT NULL,
  PRIMARY KEY (realm, identifier)
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_applied ON resource (realm, identifier) WHERE applied = 1;

CREATE TABLE resource_scope (
  realm      INTEGER NOT NULL,
  scope      TEXT    NOT NULL,
  identifier TEXT    NOT NULL,
  PRIMARY KEY (realm, scope, identifier),
  FOREIGN KEY (realm, identifier) REFERENCES resource (realm, identifier) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_scope_owner ON resource_scope (realm, identifier);

-- The password hash stands beside the body, so that replacing it is one guarded update.
CREATE TABLE user (
  realm         INTEGER NOT NULL,
  id            BLOB    NOT NULL,
  username      TEXT    NOT NULL,
  applied       INTEGER NOT NULL,
  password_hash TEXT,
  body          TEXT    NOT NULL,
  PRIMARY KEY (realm, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_applied ON user (realm, id) WHERE applied = 1;

-- User names and e-mail addresses in one table: its primary key keeps one person's name from being another's e-mail.
CREATE TABLE login_name (
  realm   INTEGER NOT NULL,
  name    TEXT    NOT NULL,
  user_id BLOB    NOT NULL,
  PRIMARY KEY (realm, name),
  FOREIGN KEY (realm, user_id) REFERENCES user (realm, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX login_name_owner ON login_name (realm, user_id);

CREATE TABLE key (
  realm       INTEGER NOT NULL,
  kid         TEXT    NOT NULL,
  usage       TEXT    NOT NULL,
  wrapped     BLOB    NOT NULL,
  public      TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  active_from INTEGER NOT NULL,
  retired_at  INTEGER,
  PRIMARY KEY (realm, kid)
) STRICT, WITHOUT ROWID;

-- No foreign key to the user: a session outlives its account as a row that no read returns, until the sweep.
CREATE TABLE session (
  realm        INTEGER NOT NULL,
  id           BLOB    NOT NULL,
  digest       BLOB    NOT NULL,
  user_id      BLOB    NOT NULL,
  created_at   INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  ended_at     INTEGER,
  body         TEXT    NOT NULL,
  PRIMARY KEY (realm, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_of ON session (realm, user_id, created_at);
CREATE INDEX session_expiry ON session (expires_at);
CREATE INDEX session_ended ON session (ended_at) WHERE ended_at IS NOT NULL;

-- With a rowid: a request may be longer than a quarter of a page, which an index tree would spill.
CREATE TABLE interaction (
  realm      INTEGER NOT NULL,
  id         BLOB    NOT NULL,
  browser    BLOB    NOT NULL,
  version    INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  facts      TEXT    NOT NULL,
  request    TEXT    NOT NULL,
  PRIMARY KEY (realm, id)
) STRICT;
CREATE INDEX interaction_expiry ON interaction (expires_at);

CREATE TABLE consent (
  realm        INTEGER NOT NULL,
  id           BLOB    NOT NULL,
  user_id      BLOB    NOT NULL,
  client_id    TEXT    NOT NULL,
  permissions  TEXT    NOT NULL,
  version      INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  withdrawn_at INTEGER,
  PRIMARY KEY (realm, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX consent_live ON consent (realm, user_id, client_id) WHERE withdrawn_at IS NULL;
CREATE INDEX consent_of ON consent (realm, user_id);
CREATE INDEX consent_withdrawn ON consent (withdrawn_at) WHERE withdrawn_at IS NOT NULL;

-- What changes, and what liveness depends on, are columns; the rest is written once.
CREATE TABLE authorization (
  realm              INTEGER NOT NULL,
  id                 BLOB    NOT NULL,
  client_id          TEXT    NOT NULL,
  user_id            BLOB    NOT NULL,
  session_id         BLOB    NOT NULL,
  consent_id         BLOB    NOT NULL,
  epoch              INTEGER NOT NULL,
  created_at         INTEGER NOT NULL,
  expires_at         INTEGER NOT NULL,
  last_used_at       INTEGER NOT NULL,
  revoked_at         INTEGER,
  code_digest        BLOB    NOT NULL,
  code_expires_at    INTEGER NOT NULL,
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
CREATE INDEX authorization_under ON authorization (realm, consent_id);
CREATE INDEX authorization_expiry ON authorization (expires_at);
CREATE INDEX authorization_revoked ON authorization (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX authorization_unredeemed ON authorization (code_expires_at) WHERE redeemed_at IS NULL;

CREATE TABLE denied (
  realm      INTEGER NOT NULL,
  token      BLOB    NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (realm, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX denied_expiry ON denied (expires_at);

CREATE TABLE attempt (
  realm      INTEGER NOT NULL,
  kind       INTEGER NOT NULL,
  digest     BLOB    NOT NULL,
  count      INTEGER NOT NULL,
  next_at    INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (realm, kind, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_age ON attempt (updated_at);

CREATE TABLE refusal (
  realm     INTEGER NOT NULL,
  minute    INTEGER NOT NULL,
  client_id TEXT    NOT NULL,
  reason    TEXT    NOT NULL,
  count     INTEGER NOT NULL,
  PRIMARY KEY (realm, minute, client_id, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  realm INTEGER NOT NULL,
  at    INTEGER NOT NULL,
  id    BLOB    NOT NULL,
  body  TEXT    NOT NULL,
  PRIMARY KEY (realm, at, id)
) STRICT, WITHOUT ROWID;
