// Why an item is recommended to a user: a sentence, the parts of the score, and paths as a graph.
import { html, useMemo, useState } from "./vendor/preact.js";
import { tell, useAnswer } from "./asking.js";
import { Graph } from "./graph.js";
import { around, idOf } from "./opening.js";
import { Answered, Bar, Item, Nothing, partsOf, plain, score } from "./parts.js";
import { Fold, change } from "./routing.js";

const DRAWN = 8;
const TOLD = 6;

/** @param {{user: string, item: string, about: any, said: () => void, others: string[]}} props */
export function Why({ user, item, about, said, others }) {
  const answer = useAnswer("why", { user, item });
  return html`<${Answered} title="Why" answer=${answer} what="the reason">${(found) => html`
    <${Reason} found=${found} user=${user} />
    ${found.explanation.past.length > 0 && html`<${Suppose} past=${found.explanation.past[0]} others=${others} />`}
    ${about.write && html`<${Opinion} user=${user} item=${item} kinds=${about.kinds} said=${said} />`}`}<//>`;
}

/** What else the list could be made of. @param {{past: any, others: string[]}} props */
function Suppose({ past, others }) {
  return html`<div class="opinion" role="group" aria-label="What if"><span>What if</span>
    <button type="button" onClick=${() => change({ without: JSON.stringify([past.item]), without_domains: null })}><span dir="auto">${past.title || past.item}</span> had not happened</button>
    ${others.map((name) => html`<button type="button" onClick=${() => change({ without: null, without_domains: JSON.stringify([name]) })}>nothing in ${name} had happened</button>`)}</div>`;
}

/** @param {{found: any, user: string}} props */
function Reason({ found, user }) {
  const { explanation, entities } = found;
  const drawing = useMemo(() => paths(explanation, entities, user), [found]);
  const [standing, because, ...ties] = explanation.because
    ? explanation.words : [explanation.words[0], "", ...explanation.words.slice(1)];
  return html`
    <p class="sentence"><b dir="auto">${standing}</b>${because && html`, <span dir="auto">${because}</span>`}.</p>
    <p><${Item} item=${explanation.item} title="About this item" />${explanation.cross_domain && html` <span class="tag">across domains</span>`}</p>
    ${ties.length > 0 && html`<${Graph} label=${`Paths from the past to ${explanation.title || explanation.item}`} name="why" drawing=${drawing.drawing} height=${320} open=${around} leftOut=${drawing.left ? `${drawing.left} weaker paths` : ""} />`}
    ${Object.keys(explanation.parts).length > 0 && html`<${Parts} explanation=${explanation} />`}
    ${ties.length ? html`<h3>What ties it to the past</h3>
      <p class="hint">Ties that are in the graph; what the score is made of stands above.</p>
      <ul class="ties">${ties.slice(0, TOLD).map(told)}</ul>
      ${ties.length > TOLD && html`<${Fold} name="ties" summary=${`${ties.length - TOLD} more`}><ul class="ties">${ties.slice(TOLD).map(told)}</ul><//>`}`
      : html`<${Nothing}>No path in the graph ties it to the past: the score comes from who has what in the past.<//>`}`;
}

/** @param {string} tie */
const told = (tie) => html`<li dir="auto">${tie}</li>`;

/** @param {{explanation: any}} props */
function Parts({ explanation }) {
  const parts = partsOf(explanation.parts);
  const low = Math.min(0, ...parts.map((part) => part.value)), high = Math.max(0, ...parts.map((part) => part.value));
  return html`<table class="parts"><caption>The score ${score(explanation.score)} is the sum of</caption><tbody>
    ${parts.map((part) => html`<tr><th scope="row">${part.called} <small>${part.words}</small></th><td class="right">${part.value > 0 ? "+" : "−"}${Math.abs(part.value).toFixed(3)}</td>
      <td class="wide"><${Bar} parts=${[part]} low=${low} high=${high} /></td></tr>`)}
  </tbody></table>`;
}

/**
 * The paths in columns: user, past, what ties, item.
 * @param {any} explanation @param {any[]} entities @param {string} user
 */
function paths(explanation, entities, user) {
  const kept = explanation.paths.slice(0, DRAWN);
  /** @type {Map<string, string | undefined>} Keys by kind and name; of two that are called alike neither. */
  const keys = new Map();
  for (const row of entities) {
    const name = `${row.kind} ${row.name}`;
    keys.set(name, keys.has(name) ? undefined : row.entity);
  }
  const me = idOf("user", user), it = idOf("item", explanation.item);
  /** @type {Map<string, any>} */
  const pasts = new Map(), ties = new Map();
  /** @type {Map<string, any>} */
  const edges = new Map();
  /** @param {string} source @param {string} target @param {string} label */
  const join = (source, target, label) => edges.set(`${source} ${target} ${label}`, { source, target, label });
  for (const path of kept) {
    const past = idOf("item", path.past);
    pasts.set(past, { id: past, kind: "item", key: path.past, domain: path.past_domain, label: path.past_title || path.past });
    join(me, past, "");
    if (path.kind === "Item" || path.kind === "Text") join(past, it, path.kind === "Text" ? "alike in text" : plain(path.how));
    else {
      const fellow = path.kind === "User";
      const key = fellow ? undefined : keys.get(`${path.kind} ${path.by}`);
      const tie = fellow ? `fellows:${path.past}` : key ? idOf("entity", key) : `${path.kind}:${path.by}`;
      ties.set(tie, { id: tie, kind: fellow ? "user" : "entity", key, label: fellow ? path.by : `${path.by}` });
      join(past, tie, fellow ? "" : plain(path.how));
      join(tie, it, "");
    }
  }
  /** @param {any[]} nodes @param {number} x */
  const column = (nodes, x) => nodes.map((node, place) => ({ ...node, at: { x, y: 62 * (place - (nodes.length - 1) / 2) } }));
  const nodes = [
    { id: me, kind: "user", key: user, label: `user ${user}`, strong: true, at: { x: 0, y: 0 } },
    ...column([...pasts.values()], 140),
    ...column([...ties.values()], 290),
    { id: it, kind: "item", key: explanation.item, domain: explanation.domain, label: explanation.title || explanation.item, strong: true, size: 36, at: { x: 420, y: 0 } },
  ];
  return { drawing: { nodes, edges: [...edges.values()] }, left: explanation.paths.length - kept.length };
}

/** @param {{user: string, item: string, kinds: string[], said: () => void}} props */
function Opinion({ user, item, kinds, said }) {
  const [told, setTold] = useState("");
  /** @param {string} kind */
  const say = (kind) => {
    setTold("Writing…");
    tell("feedback", { user, item, kind }).then((found) => {
      setTold(found.new ? `Written: ${kind}.` : "That was said a moment ago.");
      said();
    }, (problem) => setTold(problem.message));
  };
  return html`<h3>What does the user think of it?</h3><p class="hint">Written into the graph at once, as feedback of the user.</p>
    <div class="opinion" role="group" aria-label="What the user thinks of it">${kinds.map((kind) => html`<button type="button" onClick=${() => say(kind)}>${kind}</button>`)}<span role="status">${told}</span></div>`;
}
