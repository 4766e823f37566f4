// Search for users and items: proposals below a field, and what to do where a key is not there.
import { html, useEffect, useRef, useState } from "./vendor/preact.js";
import { ask } from "./asking.js";
import { Domain, count } from "./parts.js";
import { go } from "./routing.js";

/** @typedef {import("./vendor/preact.js").Child} Child */

const PAUSE = 300;
const ASCII = /^[\x20-\x7e]$/;

/**
 * A field that proposes what it finds; by mouse and by arrow keys.
 * @param {{id: string, label: string, path: string, rows: (found: any) => any[], shown: (row: any) => Child, choose: (row: any) => void, short?: (text: string) => boolean, none: string}} props
 * `short` tells of what text too much would be found; `none` is said where nothing is.
 */
function Search({ id, label, path, rows, shown, choose, short = () => false, none }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState(/** @type {any[] | null} */ (null));
  const [of, setOf] = useState(""); // the text that this was found for
  const [place, setPlace] = useState(0);
  const [told, setTold] = useState("");
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const wanted = text.trim();
    if (!wanted) return setFound(null);
    if (short(wanted)) { setFound([]); setTold("Type one more letter"); return; }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      ask(path, { text: wanted }, stop.signal).then(
        (value) => {
          if (stop.signal.aborted) return;
          setFound(rows(value)); setOf(text); setPlace(0); setTold(none);
        },
        (error) => { if (!stop.signal.aborted) { setFound([]); setTold(error.message); } },
      );
    }, PAUSE);
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
      ${open && !found.length && html`<li role="option" aria-disabled="true" aria-selected="false">${told}</li>`}
    </ul>
  </div>`;
}

/**
 * A search for users; it leads to the one chosen, or to where it is told.
 * @param {{id: string, label?: string, choose?: (key: string) => void}} props
 */
export const UserSearch = ({ id, label = "User by key", choose = (key) => go("user", { key }) }) => html`<${Search} id=${id} label=${label} path="users" rows=${(found) => found.users}
  shown=${(row) => html`${row.user} <small>${row.items === null ? "" : `${count(row.items)} in the past`}</small>`}
  none="No user has a key that begins so" choose=${(row) => choose(row.user)} />`;

/** The same for items. @param {{id: string, label?: string, choose?: (key: string) => void}} props */
export const ItemSearch = ({ id, label = "Item by title or key", choose = (key) => go("item", { key }) }) => html`<${Search} id=${id} label=${label} path="items" rows=${(found) => found.items}
  shown=${(row) => html`<span dir="auto">${row.title || row.item}</span> <${Domain} domain=${row.domain} />`}
  short=${(text) => ASCII.test(text)} none="No item has these words in its title, or this key" choose=${(row) => choose(row.item)} />`;

/**
 * What was named and is not in the graph, with what to do.
 * @typedef {{parameter: string, what: string, key: string}} Gone
 * @param {{missing: Gone[], about: any, choose: (each: Gone, key: string) => void}} props
 */
export const Unknown = ({ missing, about, choose }) => html`<div class="state failed" role="alert">${missing.map((each, place) => html`
  <p>There is no ${each.what} <b dir="auto">${each.key}</b> in this graph.</p>
  ${each.what === "user" ? html`<${UserSearch} id=${`other-${place}`} label="Search for another user" choose=${(key) => choose(each, key)} />`
    : each.what === "item" ? html`<${ItemSearch} id=${`other-${place}`} label="Search for another item" choose=${(key) => choose(each, key)} />`
    : each.what === "entity" ? html`<${ItemSearch} id=${`other-${place}`} label="Search for an item that it is tied to: its view shows the entities" />`
    : html`<p>There ${each.what === "run" ? `are the runs ${about.runs.map((run) => run.run).join(", ") || "(none)"}` : `are the domains ${about.domains.join(", ") || "(none)"}`}.</p>`}`)}</div>`;
