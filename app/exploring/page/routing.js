// The address of a view: `/user?key=7&domain=books`. It says all that is shown, so that it can be
// sent to somebody else: what is asked in values of their own, what is opened in the list `open`.
import { html, useEffect, useState } from "./vendor/preact.js";
import { address } from "./asking.js";

/** @typedef {import("./asking.js").Values} Values */
/** @typedef {{view: string, values: URLSearchParams}} Place */

/** @returns {Place} */
const here = () => ({
  view: location.pathname.slice(1),
  values: new URLSearchParams(location.search),
});

const MOVED = "moved";

/** Go to a view. @param {string} view @param {Values} [values] */
export function go(view, values = {}) {
  history.pushState(null, "", address(`/${view}`, values));
  window.dispatchEvent(new Event(MOVED));
}

/** This view's address with some values changed. @param {Values} values */
function changed(values) {
  const place = here();
  return address(`/${place.view}`, { ...Object.fromEntries(place.values), ...values });
}

/** Ask another thing of this view. @param {Values} values */
export function change(values) {
  history.pushState(null, "", changed(values));
  window.dispatchEvent(new Event(MOVED));
}

/** Keep in the address how the same thing is shown: no step to go back to. @param {Values} values */
export function keep(values) {
  history.replaceState(null, "", changed(values));
  window.dispatchEvent(new Event(MOVED));
}

/** A list that the address holds under a name. @param {string} name @returns {string[]} */
export function listed(name) {
  try {
    const found = JSON.parse(here().values.get(name) || "[]");
    return Array.isArray(found) ? found.map(String) : [];
  } catch {
    return [];
  }
}

/** A list without a value that it has, or with it. @param {string[]} list @param {string} value @returns {string | null} As the address holds it. */
export function turned(list, value) {
  const next = list.includes(value) ? list.filter((each) => each !== value) : [...list, value];
  return next.length ? JSON.stringify(next) : null;
}

/** Whether a thing of this view is opened, and what opens or closes it. @param {string} name @returns {[boolean, () => void]} */
export function useOpen(name) {
  usePlace();
  const all = listed("open");
  return [all.includes(name), () => keep({ open: turned(listed("open"), name) })];
}

/** What is opened by its summary. @param {{name: string, summary: unknown, children?: unknown}} props */
export function Fold({ name, summary, children }) {
  const [open, turn] = useOpen(name);
  /** @param {Event} event */
  const pressed = (event) => { event.preventDefault(); turn(); };
  return html`<details open=${open}><summary onClick=${pressed}>${summary}</summary>${open && children}</details>`;
}

/** @returns {Place} */
export function usePlace() {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const moved = () => setPlace(here());
    window.addEventListener("popstate", moved);
    window.addEventListener(MOVED, moved);
    return () => {
      window.removeEventListener("popstate", moved);
      window.removeEventListener(MOVED, moved);
    };
  }, []);
  return place;
}

/**
 * A link to a view that does not load the page anew.
 * @param {{view: string, values?: Values, children?: unknown, [name: string]: unknown}} props
 */
export function Link({ view, values, children, ...others }) {
  const to = address(`/${view}`, values);
  /** @param {MouseEvent} event */
  const follow = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(view, values);
    window.scrollTo(0, 0);
  };
  return html`<a href=${to} onClick=${follow} ...${others}>${children}</a>`;
}
