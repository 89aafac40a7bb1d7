// npm `openid-client`, a certified relying party, against a running `grantwell dev`.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createRemoteJWKSet, jwtVerify } from "jose";
import * as client from "openid-client";

import { startDev } from "../dev.mjs";
import { Person } from "./person.mjs";

let dev;
let site;
before(async () => {
  dev = await startDev();
  site = await (await fetch(`${dev.third_party}/config.json`)).json();
});
after(() => dev?.end());

/** Loopback is plain http: the one thing this client has to be told. */
const options = { execute: [client.allowInsecureRequests] };

function secretOf(clientId) {
  const found = dev.clients?.find(({ client_id }) => client_id === clientId);
  assert.ok(found?.client_secret, `\`dev --json\` names the secret of ${clientId}`);
  return found.client_secret;
}

const discoverPublic = () => client.discovery(new URL(dev.issuer), site.spa.client_id, undefined, client.None(), options);
const discoverBackend = () => {
  const authentication = client.ClientSecretBasic(secretOf(site.backend.client_id));
  return client.discovery(new URL(dev.issuer), site.backend.client_id, undefined, authentication, options);
};

/** The code flow with PKCE, state and nonce, every check of the library on. */
async function signIn(config, { redirect_uri }, parameters, decision) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
    nonce: expectedNonce,
    ...parameters,
  });
  const back = await new Person(dev).authorize(url, decision);
  assert.ok(back.href.startsWith(redirect_uri));
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true };
  const { resource } = parameters;
  return client.authorizationCodeGrant(config, back, checks, resource && { resource });
}

test("a public client: code flow, UserInfo, refresh", async () => {
  const config = await discoverPublic();
  const tokens = await signIn(config, site.spa, { scope: "openid profile email offline_access" });
  const { sub } = tokens.claims();
  const person = await client.fetchUserInfo(config, tokens.access_token, sub);
  assert.equal(person.sub, sub);
  assert.ok(person.name && person.email);

  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
  assert.notEqual(refreshed.access_token, tokens.access_token);
  assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
  assert.equal((await client.fetchUserInfo(config, refreshed.access_token, sub)).sub, sub);
});

test("an access token for the API verifies with jose, and the API takes it", async () => {
  const config = await discoverPublic();
  const parameters = { scope: "openid notes:read", resource: site.resource };
  const tokens = await signIn(config, site.spa, parameters);
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
  const { payload } = await jwtVerify(tokens.access_token, keys, {
    issuer: dev.issuer,
    audience: site.resource,
    typ: "at+jwt",
    requiredClaims: ["sub", "client_id", "iat", "exp", "jti", "scope"],
  });
  assert.equal(payload.client_id, site.spa.client_id);
  assert.ok(payload.scope.split(" ").includes("notes:read"));
  assert.ok(!payload.scope.includes("notes:write"));
  const answer = await fetch(`${dev.api}/api/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).sub, payload.sub);

  const idToken = await jwtVerify(tokens.id_token, keys, { issuer: dev.issuer, audience: site.spa.client_id });
  assert.equal(idToken.payload.sub, payload.sub);
});

test("a refusal reaches the application with its state and issuer", async () => {
  const config = await discoverPublic();
  await assert.rejects(
    signIn(config, site.spa, { scope: "openid profile", prompt: "consent" }, "deny"),
    (error) => error instanceof client.AuthorizationResponseError && error.error === "access_denied",
  );
});

test("a confidential client: refresh, revocation, and nothing works afterwards", async () => {
  const config = await discoverBackend();
  const tokens = await signIn(config, site.backend, { scope: "openid offline_access" });
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
  await client.tokenRevocation(config, refreshed.refresh_token);
  await assert.rejects(client.refreshTokenGrant(config, refreshed.refresh_token), { error: "invalid_grant" });
  await assert.rejects(client.fetchUserInfo(config, refreshed.access_token, tokens.claims().sub));
});

test("introspection tells a live refresh token from a revoked one", async () => {
  const config = await discoverBackend();
  const tokens = await signIn(config, site.backend, { scope: "openid offline_access" });
  const alive = await client.tokenIntrospection(config, tokens.refresh_token);
  assert.deepEqual([alive.active, alive.client_id], [true, site.backend.client_id]);
  await client.tokenRevocation(config, tokens.refresh_token);
  assert.deepEqual({ ...(await client.tokenIntrospection(config, tokens.refresh_token)) }, { active: false });
});

test("a machine: client credentials for the API", async () => {
  const id = "fieldnotes-machine";
  const config = await client.discovery(new URL(dev.issuer), id, undefined, client.ClientSecretBasic(secretOf(id)), options);
  const tokens = await client.clientCredentialsGrant(config, { scope: "notes:read", resource: site.resource });
  assert.equal(tokens.refresh_token, undefined);
  assert.equal(tokens.id_token, undefined);
  const answer = await fetch(`${dev.api}/api/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  assert.equal(answer.status, 200);
});
