// Shape 1: a public client. It redeems its own code; its tokens live in this module's memory and are gone with the page.

import { Refused, beginSignIn, discover, finishSignIn, peek, verifyIdToken } from "/assets/oauth.js";
import { noticeOf, noticeOfApi } from "/assets/view.js";

const SECRETS = new Set(["code", "code_verifier", "access_token", "refresh_token", "id_token", "token"]);
const short = (text) => `${text.slice(0, 8)}…`;
const masked = (members) =>
  Object.fromEntries(Object.entries(members).map(([k, v]) => [k, SECRETS.has(k) && typeof v === "string" ? short(v) : v]));

export class Spa {
  #config;
  #tokens = null;
  #view = { signed_in: false, notice: null, id_token: null, access_token: null, scope: null, api: null, notes: null, log: [] };

  constructor(config) {
    this.#config = config;
  }

  get view() {
    return this.#view;
  }

  #fetchJson = async (method, url, { form, json, bearer } = {}) => {
    const headers = {};
    if (bearer) headers.authorization = `Bearer ${bearer}`;
    if (json) headers["content-type"] = "application/json";
    const body = form ? new URLSearchParams(form) : json ? JSON.stringify(json) : undefined;
    const sent = { ...masked(form ?? json ?? {}), ...(bearer && { authorization: `Bearer ${short(bearer)}` }) };
    const line = { method, url, sent, status: null, received: null };
    this.#view.log.push(line);
    const response = await fetch(url, { method, headers, body, credentials: "omit", cache: "no-store" });
    const answer = { status: response.status, body: await response.json().catch(() => null) };
    const object = answer.body && typeof answer.body === "object" && !Array.isArray(answer.body);
    Object.assign(line, { status: answer.status, received: object ? masked(answer.body) : answer.body });
    return answer;
  };

  signIn() {
    return beginSignIn("spa", this.#config, this.#fetchJson);
  }

  async finish() {
    const { code, verifier, nonce } = finishSignIn("spa", this.#config, this.#view.log);
    await this.#token(
      {
        grant_type: "authorization_code",
        code,
        code_verifier: verifier,
        redirect_uri: this.#config.spa.redirect_uri,
      },
      { nonce },
    );
    this.#view.signed_in = true;
    await this.call();
    if (this.#view.notice.kind === "called") {
      this.#view.notice = { kind: "signed-in", title: "Connected", text: "Fieldnotes has called the API for you." };
    }
  }

  /** RFC 6749 §4.1.3 and §6. A public client says who it is with `client_id` alone. */
  async #token(form, { nonce, subject }) {
    const metadata = await discover(this.#config, this.#fetchJson);
    const clientId = this.#config.spa.client_id;
    const { status, body } = await this.#fetchJson("POST", metadata.token_endpoint, {
      form: { ...form, client_id: clientId, resource: this.#config.resource },
    });
    if (status !== 200) throw body?.error ? new Refused(body.error, body.error_description) : new Error(`the token endpoint responded with ${status}`);
    if (body.token_type?.toLowerCase() !== "bearer") throw new Error("the token has a type we do not know");
    if (body.id_token) {
      const { body: set } = await this.#fetchJson("GET", metadata.jwks_uri);
      this.#view.id_token = await verifyIdToken(body.id_token, {
        keys: set.keys,
        issuer: this.#config.issuer,
        clientId,
        nonce,
        subject,
      });
    } else if (nonce) {
      throw new Error("there is no ID token in the answer");
    }
    this.#tokens = { ...this.#tokens, ...body };
    this.#view.access_token = peek(body.access_token);
    this.#view.scope = body.scope ?? null;
  }

  async call(token = this.#tokens.access_token) {
    const me = await this.#fetchJson("GET", `${this.#config.api}/api/me`, { bearer: token });
    this.#view.api = me;
    this.#view.notes = await this.#fetchJson("GET", `${this.#config.api}/api/notes`, { bearer: token });
    this.#view.notice = noticeOfApi(me, { kind: "called", title: "The API responded", text: "It accepted the access token." });
  }

  /** The API's refusal, on purpose: one character of the signature is changed. */
  spoil() {
    const token = this.#tokens.access_token;
    const changed = token.at(-2) === "A" ? "B" : "A";
    return this.call(token.slice(0, -2) + changed + token.at(-1));
  }

  async note(text) {
    const bearer = this.#tokens.access_token;
    const url = `${this.#config.api}/api/notes`;
    const written = await this.#fetchJson("POST", url, { bearer, json: { text } });
    this.#view.notice = noticeOfApi(written, { kind: "written", title: "Note written", text: "The API accepted the access token for writing." });
    if (written.status < 300) this.#view.notes = await this.#fetchJson("GET", url, { bearer });
  }

  async refresh() {
    if (!this.#tokens.refresh_token) throw new Error("there is no refresh token");
    await this.#token(
      { grant_type: "refresh_token", refresh_token: this.#tokens.refresh_token },
      { subject: this.#view.id_token.sub },
    );
    this.#view.notice = { kind: "refreshed", title: "New access token", text: "The refresh token was used; nobody was asked." };
  }

  /** RFC 7009, then RP-Initiated Logout 1.0 §2. */
  async signOut() {
    const metadata = await discover(this.#config, this.#fetchJson);
    const clientId = this.#config.spa.client_id;
    const home = this.#config.post_logout_redirect_uri;
    if (metadata.revocation_endpoint && this.#tokens.refresh_token) {
      await this.#fetchJson("POST", metadata.revocation_endpoint, {
        form: { token: this.#tokens.refresh_token, token_type_hint: "refresh_token", client_id: clientId },
      });
    }
    if (!metadata.end_session_endpoint) return location.assign(home);
    const url = new URL(metadata.end_session_endpoint);
    url.searchParams.set("client_id", clientId);
    url.searchParams.set("id_token_hint", this.#tokens.id_token);
    url.searchParams.set("post_logout_redirect_uri", home);
    this.#tokens = null;
    location.assign(url);
  }

  failed(error) {
    this.#view.notice = noticeOf(error);
  }
}
