// Parts that the views share: states, tables, links to what is in the graph, search.
import { html, useEffect, useRef, useState } from "./vendor/preact.js";
import { ask } from "./asking.js";
import { Link, go } from "./routing.js";

/** @typedef {import("./asking.js").Answer} Answer */
/** @typedef {import("./vendor/preact.js").Child} Child */

const SLOW = 1500;
/** The parts of a score in the order in which they are drawn: name, colour (of Paul Tol's muted ones), and what it is. */
export const PARTS = [
  { name: "gnn", colour: "#6659c7", words: "the network: all that was learned together" },
  { name: "linear", colour: "#88CCEE", words: "items that the same people met" },
  { name: "transitions", colour: "#44AA99", words: "what is met after what" },
  { name: "text", colour: "#AA4499", words: "likeness of texts" },
  { name: "relations", colour: "#DDCC77", words: "what the graph ties both to" },
  { name: "popularity", colour: "#CC6677", words: "how many met it" },
];
/** Colours of Okabe and Ito, which all eyes tell apart. */
export const COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8C6D46"];

/** Names of the domains, set once they are known: a domain has one colour in all views. @type {string[]} */
let known = [];
/** @param {string[]} domains */
export const setDomains = (domains) => { known = domains; };
/** @param {string} domain */
export const colourOf = (domain) => {
  const place = known.indexOf(domain);
  return place < 0 ? "#767676" : COLOURS[place % COLOURS.length];
};

/** @param {number | null | undefined} value */
export const count = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en"));
/** @param {number | null | undefined} value */
export const score = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));
/** @param {number | null | undefined} value */
export const percent = (value) => (value === null || value === undefined ? "–" : (100 * value).toFixed(2));
const FIRST_MOMENT = 1e10;
/** A time, or a place in an order. @param {number | null} at */
export const when = (at) =>
  at === null || at === undefined ? "" : Math.abs(at) < FIRST_MOMENT ? `no. ${at}` : new Date(at).toISOString().slice(0, 10);
/** @param {number | null} at */
export const isDate = (at) => at !== null && Math.abs(at) >= FIRST_MOMENT;

/** What is shown while an answer is missing: waiting, slow, or failed with what to do. @param {{answer: Answer, what: string}} props */
export function Missing({ answer, what }) {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    setSlow(false);
    if (!answer.loading) return;
    const timer = setTimeout(() => setSlow(true), SLOW);
    return () => clearTimeout(timer);
  }, [answer.loading]);
  if (answer.problem) return html`<${Failed} problem=${answer.problem} again=${answer.again} />`;
  return html`<p class="state" role="status">
    <span class="spinner" aria-hidden="true"></span>
    ${slow ? `Still asking for ${what}: the graph is large, or busy.` : `Asking for ${what}…`}
  </p>`;
}

/** @param {{problem: import("./asking.js").Problem, again?: () => void}} props */
export function Failed({ problem, again }) {
  return html`<div class="state failed" role="alert">
    <p>${problem.message}</p>
    ${again && html`<button type="button" onClick=${again}>Try again</button>`}
  </div>`;
}

/** @param {{children?: Child}} props */
export const Nothing = ({ children }) => html`<p class="state empty">${children}</p>`;

/** A box with a heading. @param {{title: string, tools?: Child, children?: Child, class?: string}} props */
export function Card({ title, tools, children, class: name = "" }) {
  return html`<section class="card ${name}" aria-label=${title}>
    <header><h2>${title}</h2>${tools && html`<div class="tools">${tools}</div>`}</header>
    ${children}
  </section>`;
}

/** A card whose content is an answer. @param {{title: string, answer: Answer, what: string, children: (value: any) => Child, tools?: Child, class?: string}} props */
export function Answered({ answer, what, children, ...card }) {
  const body = answer.value === null ? html`<${Missing} answer=${answer} what=${what} />` : children(answer.value);
  return html`<${Card} ...${card}>${body}<//>`;
}

/** @param {{domain: string}} props */
export const Domain = ({ domain }) => html`<span class="domain">
  <span class="dot" style=${`background:${colourOf(domain)}`} aria-hidden="true"></span>${domain}</span>`;

/** @param {{item: string, title?: string | null, class?: string}} props */
export const Item = ({ item, title, ...others }) => html`<${Link} view="item" values=${{ key: item }} dir="auto" ...${others}>${title || item}<//>`;
/** @param {{user: string}} props */
export const User = ({ user }) => html`<${Link} view="user" values=${{ key: user }}>${user}<//>`;

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {(row: any) => Child} cell
 * @property {boolean} [right] Whether it holds numbers.
 */

/** @param {{rows: any[], columns: Column[], label: string, empty?: string}} props */
export function Table({ rows, columns, label, empty = "Nothing." }) {
  if (!rows.length) return html`<${Nothing}>${empty}<//>`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${label}>
    <table><thead><tr>${columns.map((column) => html`<th scope="col" class=${column.right ? "right" : ""}>${column.name}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${columns.map((column) => html`<td class=${column.right ? "right" : ""}>${column.cell(row)}</td>`)}</tr>`)}</tbody></table>
  </div>`;
}

/** The parts that a score has, each with its value. @param {any} values By name. */
export const partsOf = (values) =>
  PARTS.map((part) => ({ ...part, value: values[part.name] || 0 })).filter((part) => Math.abs(part.value) > 1e-6);

/** The parts of a score as a bar; those below zero come last and are striped. @param {{row: any, most: number}} props */
export function ScoreBar({ row, most }) {
  const parts = partsOf(row);
  const told = parts.map((part) => `${part.name} ${part.value.toFixed(3)}`).join(", ");
  return html`<span class="bar" role="img" aria-label=${`score ${score(row.score)}: ${told}`} title=${told}>
    ${parts.filter((part) => part.value > 0).map((part) => html`<i style=${`width:${(100 * part.value) / most}%;background:${part.colour}`}></i>`)}
    ${parts.filter((part) => part.value < 0).map((part) => html`<i class="below" style=${`width:${(100 * -part.value) / most}%;border-color:${part.colour}`}></i>`)}
  </span>`;
}

/** Which colour is which part. */
export const Legend = () => html`<ul class="legend" aria-label="Parts of the score">${PARTS.map(
  (part) => html`<li title=${part.words}><span class="dot" style=${`background:${part.colour}`} aria-hidden="true"></span>${part.name}</li>`)}<li>striped: below zero</li></ul>`;

/**
 * A search field that proposes what it finds; by mouse and by arrow keys.
 * @param {{id: string, label: string, path: string, rows: (found: any) => any[], shown: (row: any) => Child, choose: (row: any) => void}} props
 */
function Search({ id, label, path, rows, shown, choose }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState(/** @type {any[] | null} */ (null));
  const [of, setOf] = useState(""); // the text that this was found for
  const [place, setPlace] = useState(0);
  const [problem, setProblem] = useState("");
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!text.trim()) return setFound(null);
    const stop = new AbortController();
    const timer = setTimeout(() => {
      ask(path, { text: text.trim() }, stop.signal).then(
        (value) => {
          if (stop.signal.aborted) return;
          setFound(rows(value)); setOf(text); setPlace(0); setProblem("");
        },
        (error) => { if (!stop.signal.aborted) { setFound([]); setProblem(error.message); } },
      );
    }, 150);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [text]);
  useEffect(() => {
    /** @param {Event} event */
    const left = (event) => {
      if (box.current && event.target instanceof Node && !box.current.contains(event.target)) setFound(null);
    };
    document.addEventListener("pointerdown", left);
    return () => document.removeEventListener("pointerdown", left);
  }, []);
  /** @param {any} row */
  const take = (row) => { setText(""); setFound(null); choose(row); };
  /** @param {KeyboardEvent} event */
  const pressed = (event) => {
    if (event.key === "Escape") setFound(null);
    if (event.key === "Tab") setFound(null);
    if (!found || !found.length || of !== text) return;
    if (event.key === "ArrowDown") setPlace((place + 1) % found.length);
    else if (event.key === "ArrowUp") setPlace((place + found.length - 1) % found.length);
    else if (event.key === "Enter") take(found[place]);
    else return;
    event.preventDefault();
  };
  const open = found !== null;
  return html`<div class="search" ref=${box}>
    <label for=${id}>${label}</label>
    <input id=${id} type="search" autocomplete="off" role="combobox" aria-expanded=${open} aria-controls=${`${id}-found`}
      aria-autocomplete="list" aria-activedescendant=${open && found.length ? `${id}-${place}` : undefined}
      value=${text} onInput=${(event) => setText(event.target.value)} onKeyDown=${pressed} />
    <ul id=${`${id}-found`} role="listbox" aria-label=${`${label}: found`} hidden=${!open}>
      ${open && found.map((row, number) => html`<li id=${`${id}-${number}`} role="option" aria-selected=${number === place} ref=${(/** @type {HTMLElement | null} */ shownOption) => number === place && shownOption?.scrollIntoView({ block: "nearest" })}
        onPointerDown=${(/** @type {Event} */ event) => event.preventDefault()} onClick=${() => take(row)}>${shown(row)}</li>`)}
      ${open && !found.length && html`<li role="option" aria-disabled="true" aria-selected="false">${problem || "Nothing found"}</li>`}
    </ul>
  </div>`;
}

/** A search for users, which leads to the one chosen. @param {{id: string}} props */
export const UserSearch = ({ id }) => html`<${Search} id=${id} label="User by key" path="users" rows=${(found) => found.users}
  shown=${(row) => html`${row.user} <small>${row.items === null ? "" : `${count(row.items)} met`}</small>`}
  choose=${(row) => go("user", { key: row.user })} />`;

/** A search for items, which leads to the one chosen. @param {{id: string}} props */
export const ItemSearch = ({ id }) => html`<${Search} id=${id} label="Item by title or key" path="items" rows=${(found) => found.items}
  shown=${(row) => html`<span dir="auto">${row.title || row.item}</span> <${Domain} domain=${row.domain} />`}
  choose=${(row) => go("item", { key: row.item })} />`;

/** Save a picture. @param {string} name @param {Blob} blob */
export function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
