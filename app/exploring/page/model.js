// A run: its figures beside the baselines, its training, where its items lie, and a second run.
import { html, useMemo, useState } from "./vendor/preact.js";
import { useAnswer } from "./asking.js";
import { Chart } from "./charts.js";
import { Answered, Card, Domain, Failed, Item, Nothing, Table, colourOf, count, percent } from "./parts.js";
import { change, go } from "./routing.js";

/** @param {{about: any, values: URLSearchParams}} props */
export function ModelView({ about, values }) {
  const runs = useAnswer("runs");
  const known = runs.value ? runs.value.runs : [];
  const wanted = (values.get("run") || about.run || "").split(".")[0];
  const run = wanted || (known[0] || { run: "" }).run;
  const other = values.get("other") === run ? null : values.get("other");
  const here = runs.value !== null && known.length > 0;
  const figures = useAnswer(here && run ? "run" : null, { run });
  const second = useAnswer(here && other ? "run" : null, { run: other });
  if (runs.value !== null && !known.length) {
    return html`<h1>The model</h1><${Nothing}>No run was trained on this machine: its folder (<code>.linkspan</code>) holds the figures. What the graph itself keeps stands on the overview.<//>`;
  }
  /** @param {string} name @param {string} label @param {string | null} value @param {boolean} none */
  const choice = (name, label, value, none) => html`<label>${label} <select value=${value || ""} onChange=${(event) => change({ [name]: event.target.value || null })}>
    ${none && html`<option value="">none</option>`}
    ${value && !known.some((row) => row.run === value) && html`<option value=${value}>${value} (not here)</option>`}
    ${known.filter((row) => !none || row.run !== run).map((row) => html`<option value=${row.run}>${row.run}${row.state ? ` (${row.state})` : ""}</option>`)}</select></label>`;
  return html`<div class="head"><h1>The model</h1><div class="fields">${choice("run", "Run", run, false)} ${choice("other", "Beside", other, true)}</div></div>
    ${second.problem && html`<${Failed} problem=${second.problem} again=${second.again} />`}
    <${Answered} title=${`Figures of ${run}`} answer=${figures} what="the figures">${(found) => html`<${Figures} found=${found} second=${second.value} />`}<//>
    ${figures.value && html`<div class="row"><${Curves} found=${figures.value} second=${second.value} /><${ByDomain} found=${figures.value} second=${second.value} /></div>
      <${Transfer} found=${figures.value.transfer} />
      <${Places} run=${run} />
      <${Settings} found=${figures.value} second=${second.value} />`}`;
}

/** @param {any} row */
const gain = (row) => (row.gain === null || row.gain === undefined ? "" : `${(100 * row.gain).toFixed(2)} (${(100 * row.low).toFixed(2)} to ${(100 * row.high).toFixed(2)})`);

/** @param {{found: any, second: any}} props */
function Figures({ found, second }) {
  if (!found.overall?.length) return html`<${Nothing}>This run was not measured: <code>linkspan evaluate ${found.id}</code> does it.<//>`;
  const others = new Map((second?.overall || []).map((row) => [row.method, row]));
  const first = found.overall[0];
  const beaten = found.overall.slice(1).filter((row) => row.high !== null && row.high !== undefined && row.high < 0);
  const worse = found.overall.slice(1).filter((row) => row.ndcg > first.ndcg);
  return html`
    <p class="lead">Held-out events (${found.protocol}), each ranked among all items of its domain; lists of ${found.k}; in percent.</p>
    ${worse.length > 0 && html`<p class="bad">${worse.map((row) => row.method).join(", ")} ${worse.length === 1 ? "is" : "are"} above what is published: see docs on measuring, or train with other settings.</p>`}
    ${beaten.length > 0 && html`<p class="bad">Certainly below ${beaten.map((row) => row.method).join(", ")}.</p>`}
    <${Table} label="Methods" rows=${found.overall} columns=${[
      { name: "method", cell: (row) => row.method },
      { name: `NDCG@${found.k}`, right: true, cell: (row) => percent(row.ndcg) },
      ...(second ? [{ name: `of ${second.id}`, right: true, cell: (row) => percent(/** @type {any} */ (others.get(row.method))?.ndcg) }] : []),
      { name: "as a bar", cell: (row) => html`<span class="bar" aria-hidden="true"><i style=${`width:${(100 * row.ndcg) / Math.max(...found.overall.map((each) => each.ndcg))}%;background:var(--accent)`}></i></span>` },
      { name: `HR@${found.k}`, right: true, cell: (row) => percent(row.hr) },
      { name: "coverage", right: true, cell: (row) => percent(row.coverage) },
      { name: "popularity lift", right: true, cell: (row) => row.popularity_lift?.toFixed(2) ?? "–" },
      { name: "NDCG gained over it, 95%", right: true, cell: gain },
    ]} />
    ${(found.doubted || []).filter((row) => row.hurt).map((row) => html`<p class="bad">Joint learning hurts <${Domain} domain=${row.domain} /> by ${(-100 * row.gain).toFixed(1)} points: its lists are of its own events.</p>`)}`;
}

/** @param {{found: any, second: any}} props */
function Curves({ found, second }) {
  const rows = [found, second].filter(Boolean).flatMap((each) => (each.curves || []).map((row) => ({ ...row, run: each.id })));
  if (!rows.length) return html`<${Card} title="Training"><${Nothing}>No network was trained.<//><//>`;
  const measured = rows.some((row) => row.ndcg !== null);
  const value = measured ? (row) => 100 * row.ndcg : "loss";
  return html`<${Card} title="Training"><${Chart} name="training" on=${[rows]} label=${`${measured ? "Validation NDCG@10" : "Loss"} by epoch; the best is epoch ${found.best_epoch}`}
    draw=${(Plot, width) => Plot.plot({
      width, height: 240, x: { label: "epoch", ticks: 6, tickFormat: "d" }, y: { label: measured ? "NDCG@10, %" : "loss, nats", grid: true },
      color: { legend: second !== null, domain: [found.id, second?.id].filter(Boolean), range: ["#0072B2", "#D55E00"] },
      marks: [Plot.lineY(rows, { x: "epoch", y: value, stroke: "run" }), Plot.dot(rows, { x: "epoch", y: value, fill: "run", r: 2.5 }), Plot.ruleX([found.best_epoch], { strokeDasharray: "3,3" })],
    })} /><//>`;
}

/** @param {{found: any, second: any}} props */
function ByDomain({ found, second }) {
  const all = found.domains || [];
  if (!all.length) return html`<${Card} title="By domain"><${Nothing}>Nothing was measured by domain.<//><//>`;
  const methods = [...new Set(all.map((row) => row.method))];
  const shown = [methods[0], ...methods.filter((name) => name === "popularity")];
  const rows = all.filter((row) => shown.includes(row.method)).map((row) => ({ ...row, as: row.method }));
  for (const row of second?.domains || []) if (row.method === second.domains[0].method) rows.push({ ...row, as: second.id });
  const names = [...new Set(rows.map((row) => row.domain))];
  return html`<${Card} title="By domain"><${Chart} name="domains" on=${[rows]} label=${`NDCG@${found.k} by domain: ${[...new Set(rows.map((row) => row.as))].join(", ")}`}
    draw=${(Plot, width) => Plot.plot({
      width, height: 60 + 34 * names.length, marginLeft: 110, x: { label: `NDCG@${found.k}, %`, grid: true }, y: { label: null, axis: null }, fy: { label: null, domain: names },
      color: { legend: true, range: ["#0072B2", "#767676", "#D55E00"] },
      marks: [Plot.barX(rows, { x: (row) => 100 * row.ndcg, y: "as", fy: "domain", fill: "as", title: (row) => `${row.as}: ${percent(row.ndcg)} over ${count(row.rows)} rows` }), Plot.ruleX([0])],
    })} />
    <details><summary>As a table</summary><${Table} label="NDCG by domain" rows=${names.map((name) => ({ name }))} columns=${[
      { name: "domain", cell: (row) => html`<${Domain} domain=${row.name} />` },
      ...methods.map((method) => ({ name: String(method), right: true, cell: (row) => percent(all.find((each) => each.domain === row.name && each.method === method)?.ndcg) })),
    ]} /></details><//>`;
}

/** @param {{found: any}} props */
function Transfer({ found }) {
  if (!found?.domains?.length) {
    return html`<${Card} title="Transfer"><${Nothing}>Whether the domains help each other is not known of this run: <code>linkspan evaluate --transfer</code> finds out.<//><//>`;
  }
  const rows = found.without_domain || [];
  const names = [...new Set(found.domains.map((row) => row.domain))];
  return html`<${Card} title="Transfer">
    <ul>${found.domains.map((row) => html`<li class=${row.state === "hurt" ? "bad" : ""}><${Domain} domain=${row.domain} />: ${row.verdict}</li>`)}</ul>
    ${rows.length > 0 && html`<${Chart} name="transfer" on=${[rows]} label="Who gives to whom: NDCG points lost in a row's domain when a column's is left out; bold where the interval leaves zero out"
      draw=${(Plot, width) => Plot.plot({
        width, height: 70 + 30 * names.length, marginLeft: 110, marginBottom: 60, x: { label: "left out", domain: names, tickRotate: -30 }, y: { label: null, domain: names },
        color: { scheme: "PuOr", pivot: 0, symmetric: true, label: "points", legend: true },
        marks: [Plot.cell(rows, { x: "left_out", y: "domain", fill: (row) => 100 * row.gain, inset: 1 }),
          Plot.text(rows, { x: "left_out", y: "domain", text: (row) => (100 * row.gain).toFixed(1), fill: (row) => (Math.abs(row.gain) > 0.03 ? "white" : "black"), fontWeight: (row) => (row.certain ? "bold" : "normal") })],
      })} />`}
    <${Table} label="By segment" rows=${found.segments || []} columns=${[
      { name: "domain", cell: (row) => html`<${Domain} domain=${row.domain} />` },
      { name: "users with so many events there", cell: (row) => row.segment },
      { name: "lists", right: true, cell: (row) => count(row.lists) },
      { name: "gain of joint learning, 95%", right: true, cell: gain },
    ]} /><//>`;
}

/** Where the items lie. @param {{run: string}} props */
function Places({ run }) {
  const [wanted, setWanted] = useState("");
  const answer = useAnswer(wanted === run ? "run-map" : null, { run });
  if (wanted !== run) return html`<${Card} title="Map of the items"><p class="hint">Near each other is what the model takes to be alike. Made once for each run, which takes a moment.</p><button type="button" onClick=${() => setWanted(run)}>Draw the map</button><//>`;
  return html`<${Answered} title="Map of the items" answer=${answer} what="the map (made once, some seconds)">${(found) => html`<${Scatter} found=${found} />`}<//>`;
}

/** @param {{found: any}} props */
function Scatter({ found }) {
  const rows = useMemo(() => found.key.map((key, place) => ({ key, title: found.title[place], domain: found.domain[place], x: found.x[place], y: found.y[place] })), [found]);
  const [chosen, setChosen] = useState(/** @type {any} */ (null));
  const domains = [...new Set(rows.map((row) => row.domain))];
  return html`<${Chart} name="items" on=${[rows]} label=${`${count(rows.length)} items${found.left_out ? `, ${count(found.left_out)} left out` : ""}, by domain; click a dot`}
    pressed=${(event, drawn) => {
      const value = drawn.value || drawn.querySelector("svg")?.value;
      if (value) setChosen(value);
    }}
    draw=${(Plot, width) => Plot.plot({
      width, height: Math.min(620, width), axis: null, color: { legend: true, domain: domains, range: domains.map((name) => colourOf(String(name))) },
      marks: [Plot.dot(rows, { x: "x", y: "y", r: 2, fill: "domain", fillOpacity: 0.7 }), Plot.tip(rows, Plot.pointer({ x: "x", y: "y", title: (row) => `${row.title || row.key}\n${row.domain}` }))],
    })} />
    ${chosen && html`<p><${Domain} domain=${chosen.domain} /> <${Item} item=${chosen.key} title=${chosen.title} /></p>`}
    <label>Go to an item of the map <select onChange=${(event) => event.target.value && go("item", { key: event.target.value })}><option value="">choose</option>
      ${rows.slice(0, 200).map((row) => html`<option value=${row.key}>${row.title || row.key}</option>`)}</select></label>`;
}

/** @param {{found: any, second: any}} props */
function Settings({ found, second }) {
  /** @param {any} run */
  const read = (run) => new Map((run?.settings || []).map((row) => [`${row.part}.${row.name}`, row]));
  const first = read(found), other = read(second);
  const names = [...new Set([...first.keys(), ...other.keys()])].sort();
  /** @param {Map<string, any>} settings @param {string} name */
  const shown = (settings, name) => JSON.stringify((settings.get(name) || { value: (first.get(name) || other.get(name)).default }).value);
  return html`<${Card} title="Settings that differ from the defaults"><${Table} label="Settings" rows=${names.map((name) => ({ name }))} empty="None." columns=${[
    { name: "[train.] setting", cell: (row) => html`<code>${row.name}</code>` },
    { name: found.id, cell: (row) => shown(first, row.name) },
    ...(second ? [{ name: second.id, cell: (row) => shown(other, row.name) }] : []),
    { name: "default", cell: (row) => JSON.stringify((first.get(row.name) || other.get(row.name)).default) },
  ]} /><//>`;
}
