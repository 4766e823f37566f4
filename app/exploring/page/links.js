// Links to the same thing elsewhere: the database's own browser, and the answer of `linkspan serve`.
import { html, useState } from "./vendor/preact.js";
import { useAnswer } from "./asking.js";

/** Copies a text. @param {{text: string, label?: string}} props */
export function Copy({ text, label = "Copy" }) {
  const [told, setTold] = useState("");
  const copy = () => navigator.clipboard.writeText(text).then(() => setTold("Copied."), () => setTold("The browser does not let this page copy."));
  return html`<button type="button" onClick=${copy}>${label}</button> <span role="status">${told}</span>`;
}

/**
 * @param {object} props
 * @param {any} props.about
 * @param {string} props.what Such as "This user".
 * @param {string} props.query Name of the query that draws it.
 * @param {import("./asking.js").Values} props.values Its parameters.
 * @param {string[]} props.rest Parts of the path of its answer.
 */
export function Elsewhere({ about, what, query, values, rest }) {
  const found = useAnswer("query", { name: query, values: JSON.stringify(values) });
  const { browser } = about;
  const text = found.value?.text;
  return html`<p class="hint elsewhere">
    ${text && (browser.name === "Neo4j Browser"
      ? html`<a href=${`${browser.url}?cmd=edit&arg=${encodeURIComponent(text)}`} rel="noreferrer" target="_blank">${what} in Neo4j Browser</a> `
      : html`<a href=${browser.url} rel="noreferrer" target="_blank">${browser.name}</a>, where the query can be pasted: <${Copy} text=${text} label="Copy the query" /> `)}
    ${about.rest && html`<a href=${`${about.rest.replace(/\/+$/, "")}/${rest.map(encodeURIComponent).join("/")}`} rel="noreferrer" target="_blank">${what} as the REST answer</a>`}</p>`;
}
