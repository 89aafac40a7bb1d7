-- An authorization that was given in no browser has no session, and one that is not a code's has no code.

ALTER TABLE "authorization"
  ALTER COLUMN session_id DROP NOT NULL,
  ALTER COLUMN code_digest DROP NOT NULL,
  ALTER COLUMN code_expires_at DROP NOT NULL;

DROP INDEX authorization_unredeemed;

CREATE INDEX authorization_unredeemed ON "authorization" (code_expires_at)
  WHERE redeemed_at IS NULL AND code_expires_at IS NOT NULL;
