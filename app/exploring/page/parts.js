// Parts that the views share: states, tables, bars, links to what is in the graph.
import { html, useEffect, useState } from "./vendor/preact.js";
import { Link } from "./routing.js";
import { PARTS, meaningOf } from "./words.js";

/** @typedef {import("./asking.js").Answer} Answer */
/** @typedef {import("./vendor/preact.js").Child} Child */

const SLOW = 1500;
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
/** A difference, in points. @param {number} value @param {number} [digits] */
export const signed = (value, digits = 2) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(100 * value).toFixed(digits)}`;
/** A gain with its interval, in points; empty where there is none. @param {any} row */
export const interval = (row) => (row.gain === null || row.gain === undefined ? "" : `${signed(row.gain)} (${signed(row.low)} to ${signed(row.high)})`);
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
    ${again && !(problem.status >= 400 && problem.status < 500) && html`<button type="button" onClick=${again}>Try again</button>`}
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

/** Columns of a table that a narrow page has room for. */
const NARROW = 4;

/**
 * @param {object} props
 * @param {any[]} props.rows
 * @param {Column[]} props.columns
 * @param {string} props.label
 * @param {boolean} [props.cards] Whether a narrow page makes a card of each row.
 * @param {string} [props.empty] What is said where there is no row.
 * @param {{most: number, name: string, values: import("./routing.js").Values}} [props.more] How many rows there are at most, and the query that shows more.
 */
export function Table({ rows, columns, label, cards = columns.length > NARROW, empty = "Nothing.", more }) {
  if (!rows.length) return html`<${Nothing}>${empty}<//>`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${label}>
    <table class=${cards ? "cards" : ""}><thead><tr>${columns.map((column) => html`<th scope="col" class=${column.right ? "right" : ""} title=${meaningOf(column.name)}>${column.name}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${columns.map((column) => html`<td class=${column.right ? "right" : ""} data-name=${column.name}>${column.cell(row)}</td>`)}</tr>`)}</tbody></table>
  </div>
  ${more && rows.length >= more.most && html`<p class="hint">The first ${count(rows.length)}. <${Link} view="cypher" values=${{ name: more.name, ...more.values, k: MORE, run: 1, as: "table" }}>Up to ${count(MORE)}<//></p>`}`;
}

/** Rows that a query is asked for where more are wanted: as many as are shown of its answer. */
const MORE = 1000;

/** The parts that a score has, each with its value. @param {any} values By name. */
export const partsOf = (values) =>
  PARTS.map((part) => ({ ...part, value: values[part.name] || 0 })).filter((part) => Math.abs(part.value) > 1e-6);

/** The name of the part that is largest. @param {any} row */
export const leading = (row) => partsOf(row).reduce((top, part) => (part.value > top.value ? part : top), { name: "", value: 0 }).name;

/** Sums of what lies below zero and above it. @param {{value: number}[]} parts @returns {[number, number]} */
export const reach = (parts) => [parts.reduce((sum, part) => sum + Math.min(0, part.value), 0), parts.reduce((sum, part) => sum + Math.max(0, part.value), 0)];

/**
 * Values from a line at zero on: those above it to the right, those below it striped and to the left.
 * @param {{parts: {value: number, colour: string}[], low: number, high: number, label?: string}} props `low` and `high`: what the bar reaches from and to.
 */
export function Bar({ parts, low, high, label }) {
  const whole = high - low || 1;
  /** @param {number} value */
  const share = (value) => `${(100 * value) / whole}%`;
  let above = 0, below = 0;
  const drawn = parts.map((part) => {
    if (part.value < 0) below += part.value;
    const from = part.value < 0 ? below : above;
    if (part.value > 0) above += part.value;
    return html`<i class=${part.value < 0 ? "below" : ""} style=${`left:${share(from - low)};width:${share(Math.abs(part.value))};background-color:${part.colour};border-color:${part.colour}`}></i>`;
  });
  const told = label ? { role: "img", "aria-label": label, title: label } : { "aria-hidden": true };
  return html`<span class="bar" ...${told}>${drawn}${low < 0 && html`<span class="zero" style=${`left:${share(-low)}`}></span>`}</span>`;
}

/** The parts of a score as a bar. @param {{row: any, low: number, high: number}} props */
export function ScoreBar({ row, low, high }) {
  const parts = partsOf(row);
  return html`<${Bar} parts=${parts} low=${low} high=${high} label=${`score ${score(row.score)}: ${parts.map((part) => `${part.called} ${part.value.toFixed(3)}`).join(", ")}`} />`;
}

/** A gain and its interval about a line at zero. @param {{row: any, low: number, high: number}} props What is reached from and to. */
export function Range({ row, low, high }) {
  /** @param {number} value */
  const place = (value) => `${(100 * (value - low)) / (high - low || 1)}%`;
  return html`<span class="bar range" aria-hidden="true">
    <i class=${row.low > 0 ? "sure" : row.high < 0 ? "lost" : ""} style=${`left:${place(row.low)};right:calc(100% - ${place(row.high)})`}></i>
    <span class="zero" style=${`left:${place(0)}`}></span><span class="mean" style=${`left:${place(row.gain)}`}></span></span>`;
}

/** Which colour is which part. */
export const Legend = () => html`<ul class="legend" aria-label="Parts of the score">${PARTS.map(
  (part) => html`<li title=${part.words}><span class="dot" style=${`background:${part.colour}`} aria-hidden="true"></span>${part.called}</li>`)}<li>striped, left of the line: below zero</li></ul>`;

/** A type of the graph as words. @param {string} type */
export const plain = (type) => ({ RECOMMENDED: "recommended", SIMILAR: "alike" }[type] || type.toLowerCase().replaceAll("_", " "));
