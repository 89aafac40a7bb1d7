-- A made-up next version of the schema, which the present release may still serve: it only adds.

ALTER TABLE session ADD COLUMN next bigint NOT NULL DEFAULT 0;

ALTER TABLE "authorization" ADD COLUMN next text;

CREATE TABLE next (
  realm bigint NOT NULL PRIMARY KEY,
  body  text   NOT NULL
);
