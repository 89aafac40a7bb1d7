-- The realm's epoch a session began in: a restore raises the realm's, and with it every older session is over.

ALTER TABLE session ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
