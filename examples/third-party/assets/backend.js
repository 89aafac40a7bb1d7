// Shape 2: the page makes verifier, state and nonce and checks the answer; its back end redeems the code and keeps the
// tokens. The page holds none of them: it asks its back end, which knows it by a cookie no script can read.

import { beginSignIn, finishSignIn } from "/assets/oauth.js";
import { noticeOf } from "/assets/view.js";

const EMPTY = { signed_in: false, notice: null, id_token: null, access_token: null, scope: null, api: null, notes: null, log: [] };

async function fetchJson(method, url, json) {
  const headers = json === undefined ? {} : { "content-type": "application/json" };
  const body = json === undefined ? undefined : JSON.stringify(json);
  const response = await fetch(url, { method, headers, body, cache: "no-store" });
  return { status: response.status, body: await response.json().catch(() => null) };
}

export class Backend {
  #config;
  #view = { ...EMPTY };
  /** What the browser did itself; the rest of the log comes from the back end. */
  #frontChannel = [];

  constructor(config) {
    this.#config = config;
  }

  get view() {
    return this.#view;
  }

  signIn() {
    return beginSignIn("backend", this.#config, fetchJson);
  }

  async finish() {
    this.#view.log = this.#frontChannel;
    await this.#ask("POST", "/backend/exchange", finishSignIn("backend", this.#config, this.#frontChannel));
  }

  async #ask(method, url, json) {
    const { status, body } = await fetchJson(method, url, json);
    if (!body?.notice) throw new Error(`the back end responded with ${status}`);
    this.#view = { ...body, log: [...this.#frontChannel, ...body.log] };
  }

  session() {
    return this.#ask("GET", "/backend/session");
  }
  call() {
    return this.#ask("POST", "/backend/call");
  }
  spoil() {
    return this.#ask("POST", "/backend/spoil");
  }
  refresh() {
    return this.#ask("POST", "/backend/refresh");
  }
  note(text) {
    return this.#ask("POST", "/backend/note", { text });
  }

  async signOut() {
    const { status, body } = await fetchJson("POST", "/backend/sign-out");
    if (status === 200) return location.assign(body.location);
    this.#view = body;
  }

  failed(error) {
    this.#view = { ...this.#view, notice: noticeOf(error) };
  }
}
