// What a browser needs of OAuth 2.1 and OpenID Connect: a request with PKCE, state and nonce; the checks of the answer;
// the checks of an ID token. No library, so that each line can be read beside the specification.

const encoder = new TextEncoder();

export const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const fromBase64url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** A refusal of the issuer, with its registered error code. */
export class Refused extends Error {
  constructor(error, description) {
    super(description || error);
    this.error = error;
  }
}

let discovered;

/** OpenID Connect Discovery 1.0 §4: a document that names another issuer is not believed. */
export async function discover(config, fetchJson) {
  if (!discovered) {
    const { body } = await fetchJson("GET", `${config.issuer}/.well-known/openid-configuration`);
    if (body?.issuer !== config.issuer) throw new Error("the metadata names another issuer");
    discovered = body;
  }
  return discovered;
}

/** RFC 6749 §4.1.1, RFC 7636 §4.3. What the answer is checked against waits in this tab only. */
export async function beginSignIn(shape, config, fetchJson) {
  const metadata = await discover(config, fetchJson);
  const pending = { verifier: random(), state: random(), nonce: random() };
  const challenge = base64url(await crypto.subtle.digest("SHA-256", encoder.encode(pending.verifier)));
  const url = new URL(metadata.authorization_endpoint);
  pending.request = {
    response_type: "code",
    client_id: config[shape].client_id,
    redirect_uri: config[shape].redirect_uri,
    scope: config.scope,
    resource: config.resource,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: challenge,
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(pending.request)) url.searchParams.set(name, value);
  pending.endpoint = metadata.authorization_endpoint;
  sessionStorage.setItem(`pending-${shape}`, JSON.stringify(pending));
  location.assign(url);
}

/** RFC 6749 §4.1.2 and RFC 9207 §2.4: state and issuer first, then the error or the code. One answer for one request. `log`
 * gets a line for what the browser did. */
export function finishSignIn(shape, config, log) {
  const answer = new URLSearchParams(location.search);
  const pending = JSON.parse(sessionStorage.getItem(`pending-${shape}`) ?? "null");
  sessionStorage.removeItem(`pending-${shape}`);
  history.replaceState(null, "", `/${shape}`);
  if (!pending || answer.get("state") !== pending.state) {
    throw new Error("the state is not the one this tab was sent away with");
  }
  const received = Object.fromEntries(answer);
  if (received.code) received.code = `${received.code.slice(0, 8)}…`;
  log.push({ method: "GET", url: pending.endpoint, sent: pending.request, status: null, received });
  if (answer.get("iss") !== config.issuer) throw new Error("another issuer responded");
  if (answer.has("error")) throw new Refused(answer.get("error"), answer.get("error_description"));
  const code = answer.get("code");
  if (!code) throw new Error("there is no code in the response");
  return { code, verifier: pending.verifier, nonce: pending.nonce };
}

/** The claims of a JWT, unchecked: to show them. Null for anything that is not one. */
export function peek(token) {
  try {
    return JSON.parse(new TextDecoder().decode(fromBase64url(token.split(".")[1])));
  } catch {
    return null;
  }
}

const IMPORT = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

/** OpenID Connect Core 1.0 §3.1.3.7; §12.2 after a refresh, when `subject` says who it was. */
export async function verifyIdToken(token, { keys, issuer, clientId, nonce, subject }) {
  const parts = token.split(".");
  if (parts.length !== 3) throw new Error("the ID token is not a signed JWT");
  const header = JSON.parse(new TextDecoder().decode(fromBase64url(parts[0])));
  if (header.alg !== "RS256") throw new Error("the ID token is not signed with RS256");
  const jwk = keys.find((key) => key.kid === header.kid && key.kty === "RSA");
  if (!jwk) throw new Error("the issuer publishes no such key");
  const key = await crypto.subtle.importKey("jwk", { kty: "RSA", n: jwk.n, e: jwk.e }, IMPORT, false, ["verify"]);
  const signed = encoder.encode(`${parts[0]}.${parts[1]}`);
  if (!(await crypto.subtle.verify(IMPORT, key, fromBase64url(parts[2]), signed))) {
    throw new Error("the signature of the ID token is wrong");
  }
  const claims = peek(token);
  const audience = [claims.aud].flat();
  const now = Date.now() / 1000;
  if (claims.iss !== issuer) throw new Error("the ID token comes from another issuer");
  if (audience.length !== 1 || audience[0] !== clientId) throw new Error("the ID token was made for another client");
  if (claims.azp !== undefined && claims.azp !== clientId) throw new Error("the ID token names another party");
  if (!(claims.exp + 60 > now)) throw new Error("the ID token has expired");
  if (!(claims.iat - 60 <= now)) throw new Error("the ID token was issued in the future");
  if (nonce !== undefined && claims.nonce !== nonce) throw new Error("the nonce of the ID token is not ours");
  if (!claims.sub || (subject !== undefined && claims.sub !== subject)) {
    throw new Error("the ID token is about another person");
  }
  return claims;
}
