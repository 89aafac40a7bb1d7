// Shape 4: no person, no page needed. The page only presses the button of a back end that acts in its own name.

import { noticeOf } from "/assets/view.js";

export class Machine {
  #view = { signed_in: false, notice: null, id_token: null, access_token: null, scope: null, api: null, notes: null, log: [] };

  get view() {
    return this.#view;
  }

  async #ask(url, json) {
    const headers = json === undefined ? {} : { "content-type": "application/json" };
    const body = json === undefined ? undefined : JSON.stringify(json);
    const response = await fetch(url, { method: "POST", headers, body, cache: "no-store" });
    const answer = await response.json().catch(() => null);
    if (!answer?.notice) throw new Error(`the back end responded with ${response.status}`);
    this.#view = answer;
  }

  call() {
    return this.#ask("/machine/call");
  }
  spoil() {
    return this.#ask("/machine/spoil");
  }
  note(text) {
    return this.#ask("/machine/note", { text });
  }

  failed(error) {
    this.#view = { ...this.#view, notice: noticeOf(error) };
  }
}
