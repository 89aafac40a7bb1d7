-- A made-up next version of the schema: it only adds.

ALTER TABLE session ADD COLUMN next INTEGER NOT NULL DEFAULT 0;
ALTER TABLE authorization ADD COLUMN next TEXT;
CREATE TABLE next (
  realm INTEGER NOT NULL PRIMARY KEY,
  body  TEXT    NOT NULL
) STRICT;
