-- As the SQLite schema: times are milliseconds since 1970, ids 16 bytes, digests 32 bytes, bodies JSON. Every number is a
-- bigint and text is compared byte by byte, so that both engines hold and order the same. Statements end at an empty line.

CREATE TABLE realm (
  realm      bigint NOT NULL PRIMARY KEY,
  issuer     text   NOT NULL,
  key_check  bytea  NOT NULL,
  generation bigint NOT NULL,
  epoch      bigint NOT NULL
);

CREATE TABLE client (
  realm     bigint NOT NULL,
  client_id text   NOT NULL COLLATE "C",
  applied   bigint NOT NULL,
  body      text   NOT NULL,
  PRIMARY KEY (realm, client_id)
);

CREATE INDEX client_applied ON client (realm, client_id) WHERE applied = 1;

CREATE TABLE resource (
  realm      bigint NOT NULL,
  identifier text   NOT NULL COLLATE "C",
  applied    bigint NOT NULL,
  body       text   NOT NULL,
  PRIMARY KEY (realm, identifier)
);

CREATE INDEX resource_applied ON resource (realm, identifier) WHERE applied = 1;

CREATE TABLE resource_scope (
  realm      bigint NOT NULL,
  scope      text   NOT NULL COLLATE "C",
  identifier text   NOT NULL COLLATE "C",
  PRIMARY KEY (realm, scope, identifier),
  FOREIGN KEY (realm, identifier) REFERENCES resource (realm, identifier) ON DELETE CASCADE
);

CREATE INDEX resource_scope_owner ON resource_scope (realm, identifier);

-- The password hash stands beside the body, so that replacing it is one guarded update.
CREATE TABLE "user" (
  realm         bigint NOT NULL,
  id            bytea  NOT NULL,
  username      text   NOT NULL COLLATE "C",
  applied       bigint NOT NULL,
  password_hash text,
  body          text   NOT NULL,
  PRIMARY KEY (realm, id)
);

CREATE INDEX user_applied ON "user" (realm, id) WHERE applied = 1;

-- User names and e-mail addresses in one table: its primary key keeps one person's name from being another's e-mail.
CREATE TABLE login_name (
  realm   bigint NOT NULL,
  name    text   NOT NULL COLLATE "C",
  user_id bytea  NOT NULL,
  PRIMARY KEY (realm, name),
  FOREIGN KEY (realm, user_id) REFERENCES "user" (realm, id) ON DELETE CASCADE
);

CREATE INDEX login_name_owner ON login_name (realm, user_id);

CREATE TABLE key (
  realm       bigint NOT NULL,
  kid         text   NOT NULL COLLATE "C",
  usage       text   NOT NULL,
  wrapped     bytea  NOT NULL,
  public      text   NOT NULL,
  created_at  bigint NOT NULL,
  active_from bigint NOT NULL,
  retired_at  bigint,
  PRIMARY KEY (realm, kid)
);

-- No foreign key to the user: a session outlives its account as a row that no read returns, until the sweep.
CREATE TABLE session (
  realm        bigint NOT NULL,
  id           bytea  NOT NULL,
  digest       bytea  NOT NULL,
  user_id      bytea  NOT NULL,
  created_at   bigint NOT NULL,
  last_seen_at bigint NOT NULL,
  expires_at   bigint NOT NULL,
  ended_at     bigint,
  body         text   NOT NULL,
  PRIMARY KEY (realm, id)
);

CREATE INDEX session_of ON session (realm, user_id, created_at);

CREATE INDEX session_expiry ON session (expires_at);

CREATE INDEX session_ended ON session (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE interaction (
  realm      bigint NOT NULL,
  id         bytea  NOT NULL,
  browser    bytea  NOT NULL,
  version    bigint NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  facts      text   NOT NULL,
  request    text   NOT NULL,
  PRIMARY KEY (realm, id)
);

CREATE INDEX interaction_expiry ON interaction (expires_at);

CREATE TABLE consent (
  realm        bigint NOT NULL,
  id           bytea  NOT NULL,
  user_id      bytea  NOT NULL,
  client_id    text   NOT NULL COLLATE "C",
  permissions  text   NOT NULL,
  version      bigint NOT NULL,
  created_at   bigint NOT NULL,
  updated_at   bigint NOT NULL,
  withdrawn_at bigint,
  PRIMARY KEY (realm, id)
);

CREATE UNIQUE INDEX consent_live ON consent (realm, user_id, client_id) WHERE withdrawn_at IS NULL;

CREATE INDEX consent_of ON consent (realm, user_id);

CREATE INDEX consent_withdrawn ON consent (withdrawn_at) WHERE withdrawn_at IS NOT NULL;

-- What changes, and what liveness depends on, are columns; the rest is written once. Room is left in every page, so that a
-- redemption and a rotation, which change no indexed column, need no new entry in an index.
CREATE TABLE "authorization" (
  realm              bigint NOT NULL,
  id                 bytea  NOT NULL,
  client_id          text   NOT NULL COLLATE "C",
  user_id            bytea  NOT NULL,
  session_id         bytea  NOT NULL,
  consent_id         bytea  NOT NULL,
  epoch              bigint NOT NULL,
  created_at         bigint NOT NULL,
  expires_at         bigint NOT NULL,
  last_used_at       bigint NOT NULL,
  revoked_at         bigint,
  code_digest        bytea  NOT NULL,
  code_expires_at    bigint NOT NULL,
  redeemed_at        bigint,
  burnt_at           bigint,
  generation         bigint,
  refresh_digest     bytea,
  rotated_at         bigint,
  refresh_expires_at bigint,
  body               text   NOT NULL,
  PRIMARY KEY (realm, id),
  FOREIGN KEY (realm, consent_id) REFERENCES consent (realm, id)
) WITH (fillfactor = 80);

CREATE INDEX authorization_under ON "authorization" (realm, consent_id);

CREATE INDEX authorization_expiry ON "authorization" (expires_at);

CREATE INDEX authorization_revoked ON "authorization" (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE INDEX authorization_unredeemed ON "authorization" (code_expires_at) WHERE redeemed_at IS NULL;

CREATE TABLE denied (
  realm      bigint NOT NULL,
  token      bytea  NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (realm, token)
);

CREATE INDEX denied_expiry ON denied (expires_at);

CREATE TABLE attempt (
  realm      bigint NOT NULL,
  kind       bigint NOT NULL,
  digest     bytea  NOT NULL,
  count      bigint NOT NULL,
  next_at    bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (realm, kind, digest)
);

CREATE INDEX attempt_age ON attempt (updated_at);

CREATE TABLE refusal (
  realm     bigint NOT NULL,
  minute    bigint NOT NULL,
  client_id text   NOT NULL COLLATE "C",
  reason    text   NOT NULL COLLATE "C",
  count     bigint NOT NULL,
  PRIMARY KEY (realm, minute, client_id, reason)
);

CREATE TABLE audit (
  realm bigint NOT NULL,
  at    bigint NOT NULL,
  id    bytea  NOT NULL,
  body  text   NOT NULL,
  PRIMARY KEY (realm, at, id)
);

-- One row for each transaction that wrote, by an id of its own: when its answer was lost, a void mark under the same id proves
-- that it never will commit, or finds that it did.
CREATE TABLE commit_mark (
  id   bytea   NOT NULL PRIMARY KEY,
  at   bigint  NOT NULL,
  void boolean NOT NULL
);

CREATE INDEX commit_mark_age ON commit_mark (at);

-- Ends the commit of a write whose guard no row passed.
CREATE FUNCTION guarded(changed bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  IF changed = 0 THEN
    RAISE EXCEPTION 'a guard failed: nothing was changed, and the request looks again' USING ERRCODE = 'GW001';
  END IF;
  RETURN changed;
END $$;
