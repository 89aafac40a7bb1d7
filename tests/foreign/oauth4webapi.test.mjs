// npm `oauth4webapi`, the strict low-level client, against a running `grantwell dev`.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as oauth from "oauth4webapi";

import { startDev } from "../dev.mjs";
import { Person } from "./person.mjs";

let dev;
let site;
let server;
before(async () => {
  dev = await startDev();
  site = await (await fetch(`${dev.third_party}/config.json`)).json();
  server = await discover("oidc");
});
after(() => dev?.end());

/** Loopback is plain http: the one thing this client has to be told. */
const insecure = { [oauth.allowInsecureRequests]: true };

async function discover(algorithm) {
  const issuer = new URL(dev.issuer);
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...insecure }));
}

/** The code flow of the public client; the checked token response. */
async function signIn(person, parameters) {
  const { client_id, redirect_uri } = site.spa;
  const client = { client_id };
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id,
    redirect_uri,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
    ...parameters,
  });
  const answer = oauth.validateAuthResponse(server, client, await person.authorize(url), state);
  const response = await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), answer, redirect_uri, verifier, insecure);
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: nonce, requireIdToken: true });
  await oauth.validateApplicationLevelSignature(server, response, insecure);
  return { client, tokens, answer, verifier };
}

test("both discovery documents name the same endpoints", async () => {
  const other = await discover("oauth2");
  for (const name of ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"]) assert.equal(other[name], server[name], name);
  assert.equal(server.authorization_response_iss_parameter_supported, true);
  assert.deepEqual(server.code_challenge_methods_supported, ["S256"]);
});

test("code flow, UserInfo, refresh and revocation of a public client", async () => {
  const { client, tokens } = await signIn(new Person(dev), { scope: "openid profile email offline_access" });
  const { sub } = oauth.getValidatedIdTokenClaims(tokens);
  const userInfo = await oauth.userInfoRequest(server, client, tokens.access_token, insecure);
  assert.equal((await oauth.processUserInfoResponse(server, client, sub, userInfo)).sub, sub);

  const refresh = async (token) =>
    oauth.processRefreshTokenResponse(server, client, await oauth.refreshTokenGrantRequest(server, client, oauth.None(), token, insecure));
  const refreshed = await refresh(tokens.refresh_token);
  assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, oauth.None(), refreshed.refresh_token, insecure));
  await assert.rejects(refresh(refreshed.refresh_token), { error: "invalid_grant" });
});

test("[C-01] a code redeemed twice ends what the first redemption gave", async () => {
  const { client, tokens, answer, verifier } = await signIn(new Person(dev), { scope: "openid offline_access" });
  const again = await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), answer, site.spa.redirect_uri, verifier, insecure);
  await assert.rejects(oauth.processAuthorizationCodeResponse(server, client, again), { error: "invalid_grant" });
  const refreshed = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), tokens.refresh_token, insecure);
  await assert.rejects(oauth.processRefreshTokenResponse(server, client, refreshed), { error: "invalid_grant" });
});

test("the other token endpoint path answers the same", async () => {
  const body = new URLSearchParams({ grant_type: "authorization_code", code: "nothing", client_id: site.spa.client_id, redirect_uri: site.spa.redirect_uri, code_verifier: "x".repeat(43) });
  const answers = await Promise.all(
    ["/token", "/oauth/token"].map(async (path) => {
      const response = await fetch(`${dev.issuer}${path}`, { method: "POST", body });
      return [response.status, (await response.json()).error, response.headers.get("cache-control")];
    }),
  );
  assert.deepEqual(answers[0], [400, "invalid_grant", "no-store"]);
  assert.deepEqual(answers[1], answers[0]);
});
