// The frame: navigation, theme, who is signed in, and the view of the address.
import { html, render, useEffect, useErrorBoundary, useState } from "./vendor/preact.js";
import { tell, useAnswer } from "./asking.js";
import { Missing, Nothing, setDomains } from "./parts.js";
import { Link, usePlace } from "./routing.js";
import { Words } from "./words.js";
import { Overview } from "./overview.js";
import { UserView } from "./user.js";
import { ItemView } from "./item.js";
import { ModelView } from "./model.js";
import { CypherView } from "./cypher.js";

/** @type {[string, string, any][]} */
const VIEWS = [
  ["", "Overview", Overview],
  ["user", "User", UserView],
  ["item", "Item", ItemView],
  ["model", "Model", ModelView],
  ["cypher", "Cypher", CypherView],
];

function App() {
  const place = usePlace();
  const [signed, setSigned] = useState(true); // until an answer says otherwise
  useEffect(() => {
    const out = () => setSigned(false);
    window.addEventListener("signed-out", out);
    return () => window.removeEventListener("signed-out", out);
  }, []);
  const [, name, View] = VIEWS.find(([view]) => view === place.view) || ["", "Nothing here", null];
  useEffect(() => {
    const key = place.values.get("key") || place.values.get("name");
    document.title = `${key ? `${key} · ` : ""}${name} · Linkspan`;
  }, [place]);
  return html`
    <a class="skip" href="#main" onClick=${toMain}>To the content</a>
    <header class="top">
      <${Link} view="" class="brand"><img src="/page/icon.svg" alt="" width="22" height="22" /> Linkspan<//>
      <nav aria-label="Views">${VIEWS.map(([view, title]) => html`
        <${Link} view=${view} aria-current=${view === place.view ? "page" : undefined}>${title}<//>`)}</nav>
      <${Theme} />
    </header>
    <main id="main" tabindex="-1">
      ${!signed ? html`<${SignIn} done=${() => setSigned(true)} />`
        : View ? html`<${About} key=${name} View=${View} values=${place.values} /><${Words} />`
        : html`<${Nowhere} />`}
    </main>`;
}

/** An address that is none of the page's. */
const Nowhere = () => html`<h1>There is nothing at this address</h1>
  <${Nothing}><code>${location.pathname}</code> is no view of this page. A user is at <code>/user?key=…</code>, an item at <code>/item?key=…</code>. <${Link} view="">To the overview<//>, where both can be searched for.<//>`;

/** A view, once it is known what the graph is. @param {{View: any, values: URLSearchParams}} props */
function About({ View, values }) {
  const about = useAnswer("about");
  const map = useAnswer(View === Overview ? "map" : null); // asked at once, as it is seen first
  const [broken] = useErrorBoundary((error) => console.error(error));
  if (broken) return html`<div class="state failed" role="alert"><p>This view failed: ${String(broken)}</p><p><a href=${location.href}>Load it again</a></p></div>`;
  if (about.value === null) return html`<${Missing} answer=${about} what="the graph" />`;
  setDomains(about.value.domains);
  return html`<${View} about=${about.value} map=${map} values=${values} />`;
}

/** @param {{done: () => void}} props */
function SignIn({ done }) {
  const [token, setToken] = useState("");
  const [told, setTold] = useState("");
  /** @param {Event} event */
  const send = (event) => {
    event.preventDefault();
    tell("signed-in", { token }).then(done, (problem) => setTold(problem.message));
  };
  return html`<form class="card narrow" onSubmit=${send}>
    <h1>This page needs its token</h1>
    <p>It is the text in <code>LINKSPAN_TOKEN</code> where the page was started.</p>
    <label for="token">Token</label>
    <input id="token" type="password" autocomplete="current-password" value=${token} onInput=${(event) => setToken(event.target.value)} />
    <button type="submit">Sign in</button>
    <p role="alert">${told}</p>
  </form>`;
}

function Theme() {
  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const [now, setNow] = useState(dark);
  const turn = () => {
    const theme = now ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("linkspan-theme", theme);
    } catch {
      // It lasts until the page is left.
    }
    setNow(!now);
    window.dispatchEvent(new Event("themed"));
  };
  return html`<button type="button" class="theme" onClick=${turn} aria-pressed=${now}>Dark</button>`;
}

/** @param {Event} event */
function toMain(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

const page = document.getElementById("page");
if (page) {
  page.replaceChildren();
  render(html`<${App} />`, page);
}
