-- Tokens issued, by client, grant and minute.

CREATE TABLE issued (
  realm     integer NOT NULL,
  minute    bigint  NOT NULL,
  client_id text    NOT NULL,
  "grant"   text    NOT NULL,
  count     bigint  NOT NULL,
  PRIMARY KEY (realm, minute, client_id, "grant")
);
