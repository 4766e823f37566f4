// What is there: the domains as a map, health, runs, and what the last ingest did.
import { html, useMemo } from "./vendor/preact.js";
import { useAnswer } from "./asking.js";
import { Graph } from "./graph.js";
import { Answered, Card, Domain, Item, Nothing, Table, User, colourOf, count, percent, signed } from "./parts.js";
import { Fold, Link, go, keep } from "./routing.js";
import { ItemSearch, UserSearch } from "./search.js";
import { Gains } from "./transfer.js";

/** @param {{about: any, map: import("./asking.js").Answer, values: URLSearchParams}} props */
export function Overview({ about, map, values }) {
  const health = useAnswer("health");
  const ingest = useAnswer("ingest");
  const figures = useAnswer(about.run && about.model.there ? "run" : null, { run: about.run });
  const total = map.value && map.value.domains.reduce(
    (sum, row) => ({ items: sum.items + row.items, events: sum.events + row.events }), { items: 0, events: 0 });
  return html`
    <h1>What is in the graph</h1>
    <p class="lead">${about.server.engine} ${about.server.version}${total && html`, ${count(total.items)} items in ${count(about.domains.length)} ${about.domains.length === 1 ? "domain" : "domains"}, ${count(total.events)} interactions`}.
      ${about.run ? html` Recommendations are of run <${Link} view="model" values=${{ run: about.run }}>${about.run}<//>.` : null}</p>
    ${!about.run && html`<${Nothing}>${about.domains.length
      ? html`No run is published yet: <code>linkspan run</code> trains and publishes one. Queries that need no run work.`
      : html`The graph is empty: <code>linkspan demo</code> loads an example, <code>linkspan init</code> proposes a mapping for your files.`}<//>`}
    <div class="row">
      <${Card} title="Look at somebody or something">
        <${Find} />
        <${Examples} />
      <//>
      <${Answered} title="Health" answer=${health} what="counts of all there is">${(found) => html`<${Health} rows=${found.rows} />`}<//>
    </div>
    <${Answered} title="Domains" answer=${map} what="the domains">${(found) => html`<${Domains} map=${found} transfer=${figures.value?.transfer} wanted=${values.get("lines")} />`}<//>
    <div class="row">
      <${Card} title="Runs"><${Runs} about=${about} /><//>
      <${Answered} title="Files loaded" answer=${ingest} what="what was loaded">${(found) => html`<${Ingest} found=${found} />`}<//>
    </div>`;
}

function Find() {
  return html`<div class="finds">
    <${UserSearch} id="find-user" />
    <${ItemSearch} id="find-item" />
  </div>`;
}

function Examples() {
  const found = useAnswer("users");
  const rows = found.value ? found.value.users : [];
  if (!rows.length) return null;
  return html`<p>For example ${rows.map((row) => html`user <${User} user=${row.user} />${row.item && html` and <${Item} item=${row.item} title=${row.title} />, recommended there`}`)}.</p>`;
}

/** @param {{rows: any[]}} props */
function Health({ rows }) {
  return html`<ul class="health">${rows.map((row) => html`<li class=${row.bad ? "bad" : ""}>
    <b>${count(row.count)}</b> ${row.what}${row.bad ? html` <strong>(should be ${count(row.wanted)})</strong><br /><small>${row.hint}</small>` : row.wanted !== null ? html` <span class="good">fine</span>` : null}
  </li>`)}</ul>`;
}

/** @param {{map: any, transfer: any, wanted: string | null}} props */
function Domains({ map, transfer, wanted }) {
  const kinds = [["users", "users they share"], ["items", "items that are one"], ["entities", "entities they share"], ["relations", "ties between them"]]
    .filter(([key]) => map.pairs.some((row) => row[key]));
  if (transfer?.without_domain?.length) kinds.push(["transfer", "what transfer brings"]);
  const [shown] = kinds.find(([key]) => key === wanted) || kinds[0] || [""];
  const drawing = useMemo(() => {
    const most = Math.max(1, ...map.domains.map((row) => row.items));
    const nodes = map.domains.map((row) => ({
      id: row.domain, kind: "domain", domain: row.domain, key: row.domain,
      label: `${row.domain}\n${count(row.items)} items`, size: 24 + 46 * Math.sqrt(row.items / most),
    }));
    if (shown === "transfer") {
      const known = new Set(map.domains.map((row) => row.domain));
      const edges = transfer.without_domain.filter((row) => row.certain && known.has(row.domain) && known.has(row.left_out)).map((row) => ({
        source: row.left_out, target: row.domain, arrow: true, width: 2 + Math.min(8, 100 * Math.abs(row.gain)),
        colour: row.gain > 0 ? "#009E73" : "#D55E00", label: signed(row.gain, 1), dashed: row.gain < 0,
      }));
      return { nodes, edges };
    }
    const top = Math.max(1, ...map.pairs.map((row) => row[shown] || 0));
    const edges = map.pairs.filter((row) => row[shown]).map((row) => ({
      source: row.domain, target: row.other, width: 0.5 + (9 * row[shown]) / top, label: map.pairs.length < 7 ? count(row[shown]) : "",
      colour: colourOf(row.domain),
    }));
    return { nodes, edges };
  }, [map, shown, transfer]);
  if (!map.domains.length) return html`<${Nothing}>No domain has an item.<//>`;
  const label = shown === "transfer"
    ? "Arrows: points of NDCG that a domain gives another; dashed where it takes; where the interval leaves zero out"
    : `Lines: ${kinds.find(([key]) => key === shown)?.[1] || "nothing is shared"}`;
  return html`
    <div class="split">
      <div>
        ${kinds.length > 1 && html`<div class="tabs" role="group" aria-label="Lines">${kinds.map(([key, title]) => html`<button type="button" aria-pressed=${key === shown} onClick=${() => keep({ lines: key })}>${title}</button>`)}</div>`}
        <${Graph} label=${label} name="domains" drawing=${drawing} layout="circle" pressed=${(node) => go("cypher", { name: "popular", domain: node.key })} />
      </div>
      <div>
        <${Table} label="Domains" rows=${map.domains} columns=${[
          { name: "domain", cell: (row) => html`<${Domain} domain=${row.domain} />` },
          { name: "items", right: true, cell: (row) => count(row.items) },
          { name: "users", right: true, cell: (row) => count(row.users) },
          { name: "interactions", right: true, cell: (row) => count(row.events) },
        ]} />
        ${transfer?.domains?.length ? null : html`<p class="hint">Whether the domains help each other: <code>linkspan evaluate --transfer</code> finds out, and this map then shows it.</p>`}
        ${map.of && html`<p class="hint">Counted when run ${map.of} was published.</p>`}
      </div>
    </div>
    ${transfer?.domains?.length > 0 && html`<h3>What each gains by the others</h3><${Gains} found=${transfer} />`}
    <${Fold} name="pairs" summary="Each two domains">
      <${Table} label="Each two domains" rows=${map.pairs} empty="No two domains share anything: nothing can pass between them but by likeness of texts." columns=${[
        { name: "domain", cell: (row) => html`<${Domain} domain=${row.domain} />` },
        { name: "other", cell: (row) => html`<${Domain} domain=${row.other} />` },
        { name: "users", right: true, cell: (row) => count(row.users) },
        { name: "items", right: true, cell: (row) => count(row.items) },
        { name: "entities", right: true, cell: (row) => count(row.entities) },
        { name: "ties", right: true, cell: (row) => count(row.relations) },
        { name: "look", cell: (row) => html`<${Link} view="cypher" values=${{ name: "bridges_as_graph", domain: row.domain, other: row.other, run: 1 }}>what ties them<//>` },
      ]} />
    <//>`;
}

/** @param {{about: any}} props */
function Runs({ about }) {
  return html`<${Table} label="Runs" rows=${about.runs} empty="None was published yet." columns=${[
    { name: "run", cell: (row) => html`<${Link} view="model" values=${{ run: row.run }}>${row.run}<//>` },
    { name: "state", cell: (row) => html`<span class=${row.state === "failed" ? "bad" : ""}>${row.state}</span>${row.reason && html`<br /><small>${row.reason}</small>`}` },
    { name: "NDCG@10", right: true, cell: (row) => percent(JSON.parse(row.metrics || "{}").ndcg) },
    { name: "trained", cell: (row) => (row.created || "").slice(0, 16).replace("T", " ") },
  ]} />`;
}

/** @param {{found: any}} props */
function Ingest({ found }) {
  const bad = found.files.filter((row) => row.rejected || row.loaded < row.rows);
  return html`
    ${bad.length > 0 && html`<p class="bad">${bad.length === 1 ? "One file has" : `${bad.length} files have`} rows that were not taken. ${found.rejects && html`They stand, each with its reason, in <code>${found.rejects}</code>.`}</p>`}
    <${Table} label="Files loaded" rows=${found.files} empty="No file: the graph was adopted, or made by another program." columns=${[
      { name: "file", cell: (row) => row.file },
      { name: "table", cell: (row) => row.table },
      { name: "rows", right: true, cell: (row) => count(row.rows) },
      { name: "rejected", right: true, cell: (row) => html`<span class=${row.rejected ? "bad" : ""}>${count(row.rejected)}</span>` },
      { name: "at", cell: (row) => (row.loaded < row.rows ? html`<span class="bad">broken off at ${count(row.loaded)}; ingest again goes on</span>` : String(row.at || "").slice(0, 16).replace("T", " ")) },
    ]} />`;
}
