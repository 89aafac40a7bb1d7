// One panel for the three shapes that have a script: what happened, what can be done next, what was learnt, and every
// request. Text is set as text, never as markup.

/** What a refusal means to the person. */
export function noticeOf(error) {
  switch (error.error) {
    case "access_denied":
      return { kind: "denied", title: "You said no", text: "Nothing was shared with Fieldnotes. You can change your mind at any time." };
    case "invalid_grant":
      return { kind: "disconnected", title: "The connection has ended", text: "Fieldnotes was disconnected, or the connection grew too old. Sign in to connect it again." };
    case undefined:
      return { kind: "failed", title: "That did not work", text: `Fieldnotes stopped: ${error.message}. Please try again.` };
    default:
      return { kind: "failed", title: "That did not work", text: `The answer was ${error.error}. ${error.message}` };
  }
}

/** What an answer of the API means to the person. */
export function noticeOfApi({ status }, good) {
  if (status >= 200 && status < 300) return good;
  if (status === 401) {
    return {
      kind: "expired",
      title: "The API asks for a new token",
      text: "It responded with 401: the access token has expired, was revoked, or is damaged. Refresh it, or sign in again.",
    };
  }
  if (status === 403) return { kind: "forbidden", title: "The API said no", text: "It responded with 403: the token does not cover this." };
  return { kind: "failed", title: "The API responded with an error", text: `It responded with ${status}.` };
}

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const TITLES = {
  spa: ["A single-page application", "The page redeemed its own code. Its tokens are in its memory: reload, and they are gone."],
  backend: ["A page with a back end", "The back end redeemed the code with its secret and keeps every token."],
  machine: ["A machine", "It acts in its own name with client credentials: no person, no consent, no ID token."],
};

const LABELS = {
  call: "Call the API",
  refresh: "Refresh",
  spoil: "Call with a damaged token",
  "sign-out": "Sign out",
  "sign-in": "Sign in",
};

function actionsOf(shape, view) {
  if (shape === "machine") return ["call", "spoil"];
  const actions = view.signed_in ? ["call", "refresh", "spoil", "sign-out"] : [];
  if (!view.signed_in || ["expired", "disconnected"].includes(view.notice?.kind)) actions.push("sign-in");
  return actions;
}

const pretty = (value) => JSON.stringify(value, null, 2);

function result(name, label, value) {
  return element(
    "section",
    { class: "result" },
    element("h2", {}, label),
    element("pre", { tabindex: "0", "data-result": name }, pretty(value)),
  );
}

function logLine({ method, url, sent, status, received }) {
  const { pathname } = new URL(url);
  const summary = element("summary", {}, element("code", {}, `${method} ${url}`), " ", element("span", { class: "status" }, String(status ?? "by the browser")));
  const details = element("details", {}, summary, element("pre", { tabindex: "0" }, pretty(sent)), element("pre", { tabindex: "0" }, pretty(received)));
  return element("li", { "data-log": `${method} ${pathname}`, "data-status": String(status ?? "none") }, details);
}

/** Draws `view` into `panel`; `act(action, text)` is called for each button. */
export function draw(panel, shape, view, act) {
  const [title, subtitle] = TITLES[shape];
  const section = element("section", { class: "panel", "data-panel": shape });
  section.append(element("header", {}, element("h1", { tabindex: "-1" }, title), element("p", { class: "soft" }, subtitle)));
  if (view.notice) {
    section.append(
      element(
        "div",
        { class: "notice", role: "status", "data-result": "notice", "data-notice": view.notice.kind },
        element("strong", {}, view.notice.title),
        element("p", {}, view.notice.text),
      ),
    );
  }
  const actions = element("div", { class: "actions" });
  for (const action of actionsOf(shape, view)) {
    const button = element("button", { type: "button", "data-action": action }, LABELS[action]);
    button.addEventListener("click", () => {
      button.setAttribute("aria-busy", "true");
      act(action);
    });
    actions.append(button);
  }
  section.append(actions);
  if (view.signed_in) {
    const input = element("input", { name: "text", required: "", maxlength: "500", autocomplete: "off" });
    const form = element("form", { class: "note" }, element("label", {}, "A new note ", input), element("button", { "data-action": "note" }, "Write it"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      act("note", input.value);
    });
    section.append(form, result("api", shape === "machine" ? "What the API says about the machine" : "What the API says about you", view.api), result("notes", "Notes", view.notes));
    if (view.id_token) section.append(result("id-token", "Claims of the ID token", view.id_token));
    section.append(result("access-token", "Claims of the access token", view.access_token));
  }
  if (view.log.length > 0) {
    section.append(element("section", { class: "result" }, element("h2", {}, "Requests made"), element("ol", { class: "log" }, ...view.log.map(logLine))));
  }
  panel.replaceChildren(element("p", { class: "crumb" }, element("a", { href: "/" }, "All four shapes")), section);
}
