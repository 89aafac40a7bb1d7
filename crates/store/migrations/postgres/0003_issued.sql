-- Tokens issued, by client, grant and minute.

CREATE TABLE issued (
  realm     bigint NOT NULL,
  minute    bigint NOT NULL,
  client_id text   NOT NULL COLLATE "C",
  "grant"   text   NOT NULL COLLATE "C",
  count     bigint NOT NULL,
  PRIMARY KEY (realm, minute, client_id, "grant")
);
