// The address of a view: `/user?key=7&domain=books`. Each can be sent to somebody else.
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

/** Change some values of this view's address. @param {Values} values */
export function change(values) {
  const place = here();
  go(place.view, { ...Object.fromEntries(place.values), ...values });
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
