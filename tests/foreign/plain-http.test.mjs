// No library: the requests of RFC 6749 §4.1 as a developer types them with `curl`, and what must be refused.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { request } from "node:http";
import { after, before, test } from "node:test";

import { startDev } from "../dev.mjs";
import { Person } from "./person.mjs";

let dev;
const clients = {};
before(async () => {
  dev = await startDev();
  for (const client of dev.clients) clients[client.client_id.replace("fieldnotes-", "")] = client;
});
after(() => dev?.end());

const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");
const pkce = { code_challenge: CHALLENGE, code_challenge_method: "S256" };

function authorizationUrl(client, parameters = {}) {
  const url = new URL(`${dev.issuer}/authorize`);
  const all = { response_type: "code", client_id: client.client_id, redirect_uri: client.redirect_uris[0], scope: "openid offline_access", state: "xyz", ...parameters };
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

async function codeFor(client, parameters) {
  const back = await new Person(dev).authorize(authorizationUrl(client, parameters));
  assert.equal(back.searchParams.get("state"), "xyz");
  assert.equal(back.searchParams.get("iss"), dev.issuer);
  assert.ok(back.searchParams.get("code"), back.href);
  return back.searchParams.get("code");
}

async function post(path, body, headers = {}) {
  const response = await fetch(`${dev.issuer}${path}`, { method: "POST", body: new URLSearchParams(body), headers });
  assert.equal(response.headers.get("cache-control"), "no-store");
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const basic = (id, secret) => ({ authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` });
const inBody = ({ client_id, client_secret }) => ({ client_id, client_secret });
const redemption = (client, code) => ({ grant_type: "authorization_code", code, redirect_uri: client.redirect_uris[0] });

function assertTokens({ status, body }) {
  assert.equal(status, 200, JSON.stringify(body));
  for (const name of ["access_token", "refresh_token", "id_token", "token_type", "expires_in"]) assert.ok(body[name], name);
  assert.equal(body.token_type, "Bearer");
  assert.equal(typeof body.expires_in, "number");
}

function assertRefused(answer, status, error) {
  assert.deepEqual([answer.status, answer.body.error], [status, error], JSON.stringify(answer.body));
  assert.equal(answer.body.access_token, undefined);
}

for (const path of ["/token", "/oauth/token"]) {
  test(`${path}: the secret in the body, without PKCE`, async () => {
    const { web } = clients;
    assertTokens(await post(path, { ...redemption(web, await codeFor(web)), ...inBody(web) }));
  });

  test(`${path}: the secret in the header, with PKCE`, async () => {
    const { backend } = clients;
    const code = await codeFor(backend, pkce);
    const form = { ...redemption(backend, code), code_verifier: VERIFIER };
    assertTokens(await post(path, form, basic(backend.client_id, backend.client_secret)));
  });

  test(`${path}: client credentials`, async () => {
    const { machine } = clients;
    const form = { grant_type: "client_credentials", scope: "notes:read", resource: dev.resource };
    const { status, body } = await post(path, form, basic(machine.client_id, machine.client_secret));
    assert.deepEqual([status, body.token_type, body.scope], [200, "Bearer", "notes:read"]);
    assert.equal(body.refresh_token, undefined);
  });
}

test("[K-02] [K-03] [K-04] [C-03] a code that others try to redeem stays its owner's", async () => {
  const { web, backend, spa } = clients;
  const code = await codeFor(web);
  const form = redemption(web, code);
  const wrong = [
    ["the other method", form, basic(web.client_id, web.client_secret)],
    ["no secret", { ...form, client_id: web.client_id }],
    ["an empty secret", { ...form, client_id: web.client_id, client_secret: "" }],
    ["a wrong secret", { ...form, client_id: web.client_id, client_secret: "x".repeat(40) }],
    ["no client at all", form],
    ["another client", form, basic(backend.client_id, backend.client_secret)],
    ["another public client", { ...form, client_id: spa.client_id, code_verifier: VERIFIER }],
    ["another client's credential", { ...form, client_id: web.client_id }, basic(backend.client_id, backend.client_secret)],
  ];
  for (const [what, body, headers] of wrong) {
    const answer = await post("/token", body, headers);
    assert.ok([400, 401].includes(answer.status), `${what}: ${answer.status}`);
    assert.equal(answer.body.access_token, undefined, what);
  }
  assertTokens(await post("/token", { ...form, ...inBody(web) }));
});

test("[P-01] [P-02] a public client without S256 is sent back with an error", async () => {
  const { spa } = clients;
  for (const parameters of [{}, { code_challenge: CHALLENGE }, { code_challenge: VERIFIER, code_challenge_method: "plain" }, { ...pkce, code_challenge_method: "s256" }]) {
    const back = await new Person(dev).authorize(authorizationUrl(spa, parameters));
    assert.equal(back.searchParams.get("error"), "invalid_request", back.href);
    assert.deepEqual([back.searchParams.get("state"), back.searchParams.get("iss")], ["xyz", dev.issuer]);
    assert.equal(back.searchParams.get("code"), null);
  }
});

test("[P-04] [P-06] verifiers that are missing, or that nobody asked for", async () => {
  const { spa, web } = clients;
  const own = { ...redemption(spa, await codeFor(spa, pkce)), client_id: spa.client_id };
  assertRefused(await post("/token", own), 400, "invalid_grant");
  const code = await codeFor(web);
  assertRefused(await post("/token", { ...redemption(web, code), ...inBody(web), code_verifier: VERIFIER }), 400, "invalid_grant");
});

test("[A-02] other response types put nothing in the address bar", async () => {
  const { spa } = clients;
  for (const response_type of ["token", "id_token", "id_token token", "code token", "code id_token", "none", undefined]) {
    const back = await new Person(dev).authorize(authorizationUrl(spa, { ...pkce, response_type, nonce: "n" }));
    assert.equal(back.searchParams.get("error"), response_type ? "unsupported_response_type" : "invalid_request", back.href);
    assert.equal(back.hash, "");
    assert.equal(back.searchParams.get("code"), null);
  }
});

test("[R-18] an error about the client is a page, whatever else is wrong", async () => {
  const evil = { redirect_uri: "https://evil.example/cb" };
  for (const [client_id, more] of [["nobody", {}], ["nobody", { response_type: "token" }], ["fieldnotes-spa", { scope: '"' }], ["fieldnotes-spa", { response_type: "token", code_challenge: "x" }]]) {
    const response = await fetch(authorizationUrl(clients.spa, { ...evil, client_id, ...more }), { redirect: "manual" });
    assert.equal(response.status, 400);
    assert.equal(response.headers.get("location"), null);
    assert.match(await response.text(), /data-page="error"/);
  }
});

test("[F-01] [F-03] an old refresh token ends what its successors live on", async () => {
  const { web } = clients;
  const first = await post("/token", { ...redemption(web, await codeFor(web)), ...inBody(web) });
  const refresh = (refresh_token) => post("/token", { grant_type: "refresh_token", refresh_token, ...inBody(web) });
  const second = await refresh(first.body.refresh_token);
  const third = await refresh(second.body.refresh_token);
  assert.equal(third.status, 200);
  assertRefused(await refresh(first.body.refresh_token), 400, "invalid_grant");
  assertRefused(await refresh(third.body.refresh_token), 400, "invalid_grant");
  const { status } = await fetch(`${dev.issuer}/userinfo`, { headers: { authorization: `Bearer ${third.body.access_token}` } });
  assert.equal(status, 401);
});

test("[O-02] signing out leads nowhere that is not registered", async () => {
  const { web } = clients;
  const registered = `${dev.third_party}/signed-out`;
  const tokens = await post("/token", { ...redemption(web, await codeFor(web)), ...inBody(web) });
  const hint = { id_token_hint: tokens.body.id_token };
  const end = (parameters) => fetch(`${dev.issuer}/end_session?${new URLSearchParams(parameters)}`, { redirect: "manual" });
  for (const uri of ["https://evil.example/", `${registered}/x`, `${registered}x`, `${registered}?a=b`, `${registered}#`, "javascript:alert(1)", "//evil.example", registered.replace("127.0.0.1", "localhost")]) {
    const response = await end({ ...hint, post_logout_redirect_uri: uri });
    assert.equal(response.headers.get("location"), null, uri);
  }
  assert.equal((await end({ post_logout_redirect_uri: registered })).headers.get("location"), null, "without a hint or a client");
  assert.equal((await end({ ...hint, post_logout_redirect_uri: registered })).headers.get("location"), registered);
});

test("[J-05] line ends in a parameter make no header", async () => {
  const { spa } = clients;
  for (const state of ["a\r\nx-evil: 1", "a\nx-evil: 1", "a\rx-evil: 1", "\u010ax-evil: 1"]) {
    for (const url of [authorizationUrl(spa, { ...pkce, state, prompt: "none" }), `${dev.issuer}/end_session?${new URLSearchParams({ state, client_id: spa.client_id, post_logout_redirect_uri: `${dev.third_party}/signed-out` })}`]) {
      const response = await fetch(url, { redirect: "manual" });
      assert.ok(response.status < 500);
      assert.equal(response.headers.get("x-evil"), null);
    }
  }
});

test("[H-06] a forged host changes nothing", async () => {
  const { port } = new URL(dev.issuer);
  const discovery = (headers) =>
    new Promise((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port, path: "/.well-known/openid-configuration", headers }, (response) => {
        let text = "";
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
      });
      sent.on("error", reject).end();
    });
  const forged = [{ host: "evil.example" }, { "x-forwarded-host": "evil.example" }, { forwarded: "host=evil.example;proto=https" }, { "x-forwarded-proto": "https" }];
  for (const headers of forged) {
    const { status, headers: received, text } = await discovery(headers);
    assert.ok(!text.includes("evil.example") && !JSON.stringify(received).includes("evil.example"), JSON.stringify(headers));
    if (status === 200) assert.equal(JSON.parse(text).issuer, dev.issuer);
    else assert.ok([400, 421, 303, 308].includes(status), `${status}`);
  }
});

test("[L-03] [L-05] session cookies that are planted, forged, doubled or empty are nobody's", async () => {
  const { web } = clients;
  const [victim, attacker] = [new Person(dev), new Person(dev, dev.users.at(-1))];
  await attacker.authorize(authorizationUrl(web));
  const planted = attacker.cookie("grantwell_sid");
  assert.ok(planted, "the attacker has a session of their own");
  const account = async (cookie) => /data-page="([^"]*)"/.exec(await (await fetch(`${dev.issuer}/account`, { headers: { cookie } })).text())?.[1];
  assert.equal(await account(`grantwell_sid=${planted}`), "account", "it is alive");

  const flipped = planted.slice(0, 20) + (planted[20] === "A" ? "B" : "A") + planted.slice(21);
  for (const cookie of ["grantwell_sid=", "grantwell_sid=x", `grantwell_sid=${flipped}`, `grantwell_sid=${planted.slice(0, -1)}`, `grantwell_sid=${planted}; grantwell_sid=${planted}`, `grantwell_sid=${planted}; grantwell_sid=x`]) {
    assert.equal(await account(cookie), "sign-in", cookie.slice(0, 12));
  }

  victim.plant("grantwell_sid", flipped);
  await victim.authorize(authorizationUrl(web));
  assert.ok(victim.cookie("grantwell_sid"));
  assert.ok(!victim.cookie("grantwell_sid").includes(flipped), "a new one after signing in");
});
