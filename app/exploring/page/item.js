// An item: what it is, what ties it, what is like it, who gets it; and one that does not exist yet.
import { html, useEffect, useMemo, useState } from "./vendor/preact.js";
import { useAnswer } from "./asking.js";
import { Graph } from "./graph.js";
import { around, idOf } from "./opening.js";
import { Elsewhere } from "./links.js";
import { Card, Domain, Item, Missing, Nothing, Table, User, count, plain, score } from "./parts.js";
import { Link, change, useOpen } from "./routing.js";
import { ItemSearch } from "./search.js";

const LONG = 300;
/** Letters of a new item's text, at most. */
const MOST = 2000;
/** Of each kind, in a list of the server and in the picture. */
const LISTED = 10, LIKES = 20, TIES = 40, DRAWN = 12;

/** @param {{about: any, values: URLSearchParams}} props */
export function ItemView({ about, values }) {
  const key = values.get("key");
  const found = useAnswer(key ? "item" : null, { key });
  const search = html`<${ItemSearch} id="item-search" />`;
  useEffect(() => {
    if (found.value?.title) document.title = `${found.value.title} · Item · Linkspan`;
  }, [found.value]);
  if (!key) {
    return html`<h1>An item</h1>${search}<${Nothing}>Search for an item by words of its title, or try one that does not exist yet.<//>
      <${Newcomer} about=${about} values=${values} />`;
  }
  if (found.value === null) return html`<div class="head"><h1>${key}</h1>${search}</div><${Missing} answer=${found} what="the item" />`;
  return html`<div class="head"><h1 dir="auto">${found.value.title || key}</h1>${search}</div><${Shown} key=${key} found=${found.value} about=${about} />`;
}

/** @param {{found: any, about: any}} props */
function Shown({ found, about }) {
  const drawing = useMemo(() => picture(found), [found]);
  const texts = Object.entries(found.properties).filter(([name]) => about.names || !["key", "domain", "title"].includes(name));
  return html`
    <p class="lead"><${Domain} domain=${found.domain} /> · <code>${found.item}</code> · in the past of ${count(found.users)} ${found.users === 1 ? "user" : "users"}</p>
    <div class="split">
      <${Card} title="What it is">
        <dl>${texts.map(([name, value]) => html`<dt>${name}</dt><dd dir="auto"><${Long} name=${`text:${name}`} text=${words(value)} /></dd>`)}</dl>
        <h3>Tied to</h3>
        <${Table} label="Tied to" rows=${found.ties} empty="Nothing ties it to other items." more=${{ most: TIES, name: "ties", values: { item: found.item } }} columns=${[
          { name: "kind", cell: (row) => row.kind },
          { name: "name", cell: (row) => html`<${Link} view="cypher" values=${{ name: "by_entity", entity: row.entity, run: 1 }} dir="auto">${row.name}<//>` },
          { name: "how", cell: (row) => plain(row.how) },
          { name: "items", right: true, cell: (row) => count(row.items) },
        ]} />
      <//>
      <${Card} title="Around it">${drawing.nodes.length > 1
        ? html`<${Graph} label="What ties it and what is like it" name="item" drawing=${drawing} layout="concentric" open=${around} leftOut=${leftOut(found)} />`
        : html`<${Nothing}>Nothing is tied to it and nothing is like it.<//>`}<//>
    </div>
    <div class="row">
      <${Likes} title="Like it, in its domain" rows=${found.states.filter((row) => row.domain === found.domain)} more=${{ most: LISTED, name: "similar", values: { item: found.item, domain: found.domain } }} />
      <${Likes} title="Like it, in other domains" rows=${found.states.filter((row) => row.domain !== found.domain)} more=${{ most: LISTED, name: "similar_across", values: { item: found.item } }} />
    </div>
    <div class="row">
      <${Card} title="Near by ties"><${Table} label="Near by ties" cards=${true} rows=${found.relations} empty="It shares nothing with other items." more=${{ most: LIKES, name: "similar", values: { item: found.item, kind: "relations" } }} columns=${[
        { name: "item", cell: (row) => html`<${Item} item=${row.item} title=${row.title} />` },
        { name: "domain", cell: (row) => html`<${Domain} domain=${row.domain} />` },
        { name: "by", cell: (row) => html`<span dir="auto">${row.by}</span>` },
        { name: "likeness", right: true, cell: (row) => score(row.score) },
      ]} /><//>
      <${Likes} title="Near in text" rows=${found.texts} empty="It has no text vector of the active run." />
    </div>
    <${Card} title="Who is recommended it"><${Table} label="Who is recommended it" rows=${found.readers} empty="It stands in nobody's list." more=${{ most: LISTED, name: "recommended_to", values: { item: found.item } }} columns=${[
      { name: "user", cell: (row) => html`<${User} user=${row.user} />` },
      { name: "place", right: true, cell: (row) => row.rank },
      { name: "score", right: true, cell: (row) => score(row.score) },
      { name: "what of the past counts most", cell: (row) => row.because_item && html`<${Item} item=${row.because_item} title=${row.because} />` },
      { name: "reason", cell: (row) => html`<${Link} view="user" values=${{ key: row.user, domain: found.domain, item: found.item }}>why<//>` },
    ]} /><//>
    <${Elsewhere} about=${about} what="This item" query="item_as_graph" values=${{ item: found.item }} rest=${["similar", found.item]} />`;
}

/** @param {{title: string, rows: any[], empty?: string, more?: any}} props */
const Likes = ({ title, rows, empty = "None.", more }) => html`<${Card} title=${title}><${Table} label=${title} rows=${rows} empty=${empty} more=${more} columns=${[
  { name: "item", cell: (row) => html`<${Item} item=${row.item} title=${row.title} />` },
  { name: "domain", cell: (row) => html`<${Domain} domain=${row.domain} />` },
  { name: "likeness", right: true, cell: (row) => score(row.score) },
]} /><//>`;

/** A property as a person reads it. @param {any} value */
function words(value) {
  if (Array.isArray(value)) return value.map(words).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A text of which the beginning is shown. @param {{name: string, text: string}} props */
function Long({ name, text }) {
  const [open, turn] = useOpen(name);
  if (text.length <= LONG) return html`${text}`;
  return html`${open ? text : `${text.slice(0, LONG)}…`} <button type="button" class="quiet" aria-expanded=${open} onClick=${turn}>${open ? "less" : "all of it"}</button>`;
}

/** @param {any} found */
function picture(found) {
  const me = idOf("item", found.item);
  const ties = found.ties.slice(0, DRAWN).map((row) => ({ node: { id: idOf("entity", row.entity), kind: "entity", key: row.entity, label: row.name }, how: plain(row.how) }));
  const likes = found.states.slice(0, DRAWN).map((row) => ({ node: { id: idOf("item", row.item), kind: "item", key: row.item, domain: row.domain, label: row.title || row.item }, how: "" }));
  const all = [...ties, ...likes];
  return {
    nodes: [{ id: me, kind: "item", key: found.item, domain: found.domain, label: found.title || found.item, strong: true, size: 40 }, ...all.map((each) => each.node)],
    edges: all.map((each) => ({ source: me, target: each.node.id, label: each.how })),
  };
}

/** @param {any} found */
const leftOut = (found) => [[found.ties.length - DRAWN, "ties"], [found.states.length - DRAWN, "that are alike"]]
  .filter(([left]) => Number(left) > 0).map(([left, what]) => `${left} ${what}`).join(", ");

/** An item that does not exist. @param {{about: any, values: URLSearchParams}} props */
function Newcomer({ about, values }) {
  const [text, setText] = useState(values.get("text") || "");
  const [domain, setDomain] = useState(values.get("domain") || about.domains[0] || "");
  const asked = values.get("text");
  useEffect(() => {
    setText(values.get("text") || "");
    setDomain(values.get("domain") || about.domains[0] || "");
  }, [asked, values.get("domain")]);
  const over = text.trim().length - MOST;
  const answer = useAnswer(asked && about.model.there ? "newcomer" : null, {}, { text: asked, domain: values.get("domain") });
  /** @param {Event} event */
  const send = (event) => {
    event.preventDefault();
    if (text.trim() && over <= 0) change({ text: text.trim(), domain });
  };
  if (!about.domains.length) return null;
  return html`<${Card} title="An item that does not exist yet">
    <p class="hint">Give its title or text: what would it be near, and for whom would it be?</p>
    ${about.model.there ? html`<form class="fields" onSubmit=${send}>
      <label for="new-text">Title or text</label><textarea id="new-text" dir="auto" rows="2" value=${text} aria-describedby="new-text-length" onInput=${(event) => setText(event.target.value)}></textarea>
      <small id="new-text-length" role="status" class=${over > 0 ? "bad" : ""}>${over > 0 ? `${count(over)} ${over === 1 ? "letter" : "letters"} too many: ${count(MOST)} can be tried` : `${count(MOST)} letters at most`}</small>
      <label for="new-domain">Domain</label><select id="new-domain" value=${domain} onChange=${(event) => setDomain(event.target.value)}>${about.domains.map((name) => html`<option value=${name}>${name}</option>`)}</select>
      <button type="submit" disabled=${over > 0}>Try it</button>
    </form>` : html`<${Nothing}>This needs the model of the run: ${about.model.why}.<//>`}
    ${asked && about.model.there && (answer.value === null ? html`<${Missing} answer=${answer} what="the model" />` : html`<div class="row">
      <div><h3>What it is near</h3><${Table} label="What it is near" rows=${answer.value.near} columns=${[
        { name: "item", cell: (row) => html`<${Item} item=${row.item} title=${row.title} />` },
        { name: "domain", cell: (row) => html`<${Domain} domain=${row.domain} />` },
        { name: "likeness", right: true, cell: (row) => score(row.score) },
      ]} /></div>
      <div><h3>For whom it would be</h3><${Table} label="For whom it would be" rows=${answer.value.users} empty="For nobody in particular." columns=${[
        { name: "user", cell: (row) => html`<${User} user=${row.user} />` },
        { name: "above so much of the domain", right: true, cell: (row) => `${(100 * row.score).toFixed(1)}%` },
        { name: "interactions", right: true, cell: (row) => count(row.history) },
      ]} /></div></div>`)}
  <//>`;
}
