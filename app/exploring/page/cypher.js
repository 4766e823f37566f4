// The queries of the library: a form for the parameters, the answer as table and as graph, the text.
import { html, useEffect, useMemo, useState } from "./vendor/preact.js";
import { useAnswer } from "./asking.js";
import { Graph } from "./graph.js";
import { Copy } from "./links.js";
import { Answered, Card, Missing, Nothing, Table, count } from "./parts.js";
import { Fold, Link, change, go, keep } from "./routing.js";
import { Unknown } from "./search.js";

/** Names that the address uses itself. */
const CHOSEN = ["name", "run", "as", "open"];

/** @param {{about: any, values: URLSearchParams}} props */
export function CypherView({ about, values }) {
  const library = useAnswer("queries");
  if (library.value === null) return html`<h1>Cypher</h1><${Missing} answer=${library} what="the queries" />`;
  const query = library.value.queries.find((each) => each.name === values.get("name"));
  return html`<h1>Cypher</h1>
    <div class="aside">
      <nav class="card" aria-label="Queries">${library.value.groups.map((group) => html`
        <h2>${group}</h2><ul>${library.value.queries.filter((each) => each.group === group).map((each) => html`
          <li><${Link} view="cypher" values=${{ name: each.name }} aria-current=${each === query ? "true" : undefined} title=${each.purpose}>${each.name}<//></li>`)}</ul>`)}</nav>
      <div>${query ? html`<${Query} key=${query.name} query=${query} values=${values} about=${about} />` : html`<${Nothing}>${values.get("name") ? `There is no query ${values.get("name")}. ` : ""}Choose a query. All of them only read.<//>`}</div>
    </div>`;
}

/** Parameters of a query as the address has them; those whose names it uses itself begin with `p_`. @param {any} query @param {URLSearchParams} values */
const read = (query, values) => Object.fromEntries(query.parameters.map((each) => [each.name, values.get(named(each.name)) ?? ""]));

/** Name of a parameter in the address. @param {string} name */
const named = (name) => (CHOSEN.includes(name) ? `p_${name}` : name);

/** Whether a parameter is the name of a domain; beside a run, `other` is a run too. @param {any} query @param {any} parameter */
const isDomain = (query, parameter) => parameter.name === "domain" || (parameter.name === "other" && query.parameters.some((each) => each.name === "domain"));

/** @param {any} parameter @param {string} text */
function meant(parameter, text) {
  if (text === "") return parameter.default;
  if (Array.isArray(parameter.default)) return text.split("\n").map((each) => each.trim()).filter(Boolean);
  return typeof parameter.default === "number" ? Number(text) : text;
}

/** @param {{query: any, values: URLSearchParams, about: any}} props */
function Query({ query, values, about }) {
  const given = read(query, values);
  const [fields, setFields] = useState(given);
  useEffect(() => setFields(given), [JSON.stringify(given)]);
  const asked = values.get("run") === "1";
  const parameters = Object.fromEntries(query.parameters.map((each) => [each.name, meant(each, given[each.name])]));
  const text = useAnswer("query", { name: query.name, values: asked ? JSON.stringify(parameters) : "" });
  const answer = useAnswer(asked ? "query" : null, {}, { name: query.name, parameters });
  /** @param {Event} event */
  const send = (event) => {
    event.preventDefault();
    const wanted = Object.fromEntries(query.parameters.map((each) => [named(each.name), fields[each.name]]));
    go("cypher", { name: query.name, ...wanted, run: 1, as: values.get("as"), open: values.get("open") });
    if (asked) answer.again();
  };
  return html`<${Card} title=${query.name}>
      <p>${query.purpose[0].toUpperCase() + query.purpose.slice(1)}.</p>
      <form class="fields" onSubmit=${send}>${query.parameters.map((each) => html`<${Field} parameter=${each} domain=${isDomain(query, each)} about=${about} value=${fields[each.name] ?? ""}
        set=${(value) => setFields((now) => ({ ...now, [each.name]: value }))} />`)}
        <button type="submit">Run</button></form>
      <${Fold} name="text" summary="Its Cypher">${text.value ? html`<pre tabindex="0" aria-label="Cypher">${text.value.text}</pre><${Copy} text=${text.value.text} />` : html`<${Missing} answer=${text} what="the text" />`}<//>
    <//>
    ${asked && html`<${Answered} title="Answer" answer=${answer} what="the answer">${(found) => html`
      ${found.missing.length > 0 && html`<${Unknown} missing=${found.missing} about=${about} choose=${(each, key) => change({ [named(each.parameter)]: given[each.parameter].split("\n").map((line) => (line.trim() === each.key ? key : line)).join("\n") })} />`}
      ${(found.count > 0 || !found.missing.length) && html`<${Result} found=${found} name=${query.name} names=${about.names} as=${values.get("as")} />`}`}<//>`}`;
}

/** @param {{parameter: any, domain: boolean, about: any, value: string, set: (value: string) => void}} props */
function Field({ parameter, domain, about, value, set }) {
  const id = `parameter-${parameter.name}`;
  const many = Array.isArray(parameter.default);
  const hint = parameter.default === null || many ? "" : `default ${parameter.default}`;
  const changed = (event) => set(event.target.value);
  return html`<label for=${id}>${parameter.name}${parameter.required ? " *" : ""} <small>${parameter.meaning}</small></label>
    ${domain ? html`<select id=${id} value=${value} required=${parameter.required} onChange=${changed}><option value="">${parameter.required ? "choose" : "all"}</option>${about.domains.map((name) => html`<option value=${name}>${name}</option>`)}</select>`
      : many ? html`<textarea id=${id} rows="3" required placeholder="one a line" value=${value} onInput=${changed}></textarea>`
      : html`<input id=${id} type=${typeof parameter.default === "number" ? "number" : "text"} min="1" required=${parameter.required} placeholder=${hint} value=${value} onInput=${changed} />`}`;
}

/** @param {{found: any, name: string, names: any, as: string | null}} props */
function Result({ found, name, names, as }) {
  const view = found.graph && as !== "table" ? "graph" : "table";
  const drawing = useMemo(() => (found.graph ? drawn(found.graph, names) : null), [found]);
  const rows = found.rows.length < found.count ? `the first ${count(found.rows.length)} of ${count(found.count)} rows` : `${count(found.count)} ${found.count === 1 ? "row" : "rows"}`;
  return html`<p class="hint">${rows}, ${found.seconds} s</p>
    ${drawing && html`<div class="tabs" role="group" aria-label="Shown as">${["graph", "table"].map((each) => html`<button type="button" aria-pressed=${view === each} onClick=${() => keep({ as: each })}>${each}</button>`)}</div>`}
    ${drawing && view === "graph"
      ? html`<${Graph} label=${`The answer of ${name}: ${drawing.nodes.length} nodes`} name=${name} drawing=${drawing} height=${520} leftOut=${found.graph.left_out ? `${count(found.graph.left_out)} nodes` : ""} pressed=${show} />`
      : html`<${Table} label="Answer" rows=${found.rows} empty="No row: the graph holds nothing of this kind." columns=${found.columns.map((column, place) => ({ name: column, right: found.rows.every((row) => row[place] === null || typeof row[place] === "number"), cell: (row) => cell(column, row[place]) }))} />`}`;
}

/** A value; keys of users and items lead to them. @param {string} column @param {any} value */
function cell(column, value) {
  if (value === null) return html`<span class="same">null</span>`;
  if (typeof value === "string" && column === "user") return html`<${Link} view="user" values=${{ key: value }}>${value}<//>`;
  if (typeof value === "string" && ["item", "other_item", "past"].includes(column)) return html`<${Link} view="item" values=${{ key: value }}>${value}<//>`;
  if (typeof value === "string") return html`<span dir="auto">${value}</span>`;
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(4);
  return html`<code>${JSON.stringify(value)}</code>`;
}

/** @param {any} node */
function show(node) {
  if (node.kind === "user" || node.kind === "item") go(node.kind, { key: node.key });
  else if (node.kind === "entity") go("cypher", { name: "by_entity", entity: node.key, run: 1 });
}

/** What a node is; in an adopted graph the run says what the labels mean. @param {any} node @param {any} names */
function meaning(node, names) {
  const own = node.properties;
  if (!names) {
    const kind = node.labels.includes("User") ? "user" : node.labels.includes("Entity") ? "entity" : node.labels.includes("Item") ? "item" : "other";
    return { kind, key: own.key, domain: own.domain, label: own.title || own.name || own.key };
  }
  if (node.labels.includes(names.users.label)) return { kind: "user", key: String(own[names.users.key]), label: own[names.users.key] };
  for (const [domain, as] of Object.entries(names.items)) {
    if (node.labels.includes(as.label)) return { kind: "item", key: `${domain}/${own[as.key]}`, domain, label: own[as.title] || own[as.key] };
  }
  for (const [kind, as] of Object.entries(names.entities)) {
    if (node.labels.includes(as.label)) return { kind: "entity", key: `${kind.toLowerCase()}/${own[as.key]}`, label: own[as.title] || own[as.key] };
  }
  return { kind: "other", label: undefined };
}

/** @param {any} graph @param {any} names @returns {import("./graph.js").Drawing} */
function drawn(graph, names) {
  return {
    nodes: graph.nodes.map((node) => {
      const told = meaning(node, names);
      return { ...told, id: node.id, label: String(told.label || node.labels.join(" ")) };
    }),
    edges: graph.edges.map((edge) => ({ id: edge.id, source: edge.source, target: edge.target, arrow: true, label: edge.properties.rank ? String(edge.properties.rank) : edge.type })),
  };
}
