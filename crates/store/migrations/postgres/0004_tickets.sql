-- What is handed out for a short time, and ids that others chose.

-- Room is left in every page: an update and a use change no indexed column, and need no new entry in an index.
CREATE TABLE ticket (
  realm         bigint NOT NULL,
  id            bytea  NOT NULL,
  kind          text   NOT NULL COLLATE "C",
  digest        bytea  NOT NULL,
  second_digest bytea,
  version       bigint NOT NULL,
  expires_at    bigint NOT NULL,
  used_at       bigint,
  body          text   NOT NULL,
  PRIMARY KEY (realm, id)
) WITH (fillfactor = 80);

CREATE INDEX ticket_second ON ticket (realm, kind, second_digest) WHERE second_digest IS NOT NULL;

CREATE INDEX ticket_expiry ON ticket (expires_at);

CREATE TABLE seen (
  realm  bigint NOT NULL,
  minute bigint NOT NULL,
  digest bytea  NOT NULL,
  PRIMARY KEY (realm, minute, digest)
);
