// A run: its figures beside the baselines, its training, where its items lie, and a second run.
import { html, useMemo } from "./vendor/preact.js";
import { useAnswer } from "./asking.js";
import { Chart } from "./charts.js";
import { Answered, Bar, Card, Domain, Failed, Item, Nothing, Table, colourOf, count, interval, percent } from "./parts.js";
import { Fold, change, keep, useOpen } from "./routing.js";
import { ItemSearch } from "./search.js";
import { Transfer } from "./transfer.js";
import { called } from "./words.js";

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
      <${Places} run=${run} chosen=${values.get("dot")} />
      <${Settings} found=${figures.value} second=${second.value} />`}`;
}

/** Colours of a run and of a second one; of what is published, of popularity, and of a second run. */
const RUNS = ["#0072B2", "#D55E00"], METHODS = ["#0072B2", "#767676", "#D55E00"];

/** @param {{found: any, second: any}} props */
function Figures({ found, second }) {
  if (!found.overall?.length) return html`<${Nothing}>This run was not measured: <code>linkspan evaluate ${found.id}</code> does it.<//>`;
  const others = new Map((second?.overall || []).map((row) => [row.method, row]));
  const first = found.overall[0];
  const beaten = found.overall.slice(1).filter((row) => row.high !== null && row.high !== undefined && row.high < 0);
  const worse = found.overall.slice(1).filter((row) => row.ndcg > first.ndcg);
  return html`
    <p class="lead">Interactions kept back (${found.protocol}), each ranked among all items of its domain; lists of ${found.k}; in percent.</p>
    ${worse.length > 0 && html`<p class="bad">${worse.map((row) => called(row.method)).join(", ")} ${worse.length === 1 ? "is" : "are"} above what is published: see docs on measuring, or train with other settings.</p>`}
    ${beaten.length > 0 && html`<p class="bad">Certainly below ${beaten.map((row) => called(row.method)).join(", ")}.</p>`}
    <${Table} label="Methods" rows=${found.overall} columns=${[
      { name: "method", cell: (row) => called(row.method) },
      { name: `NDCG@${found.k}`, right: true, cell: (row) => percent(row.ndcg) },
      ...(second ? [{ name: `of ${second.id}`, right: true, cell: (row) => percent(/** @type {any} */ (others.get(row.method))?.ndcg) }] : []),
      { name: "as a bar", cell: (row) => html`<${Bar} parts=${[{ value: row.ndcg, colour: "var(--accent)" }]} low=${0} high=${Math.max(...found.overall.map((each) => each.ndcg))} />` },
      { name: `HR@${found.k}`, right: true, cell: (row) => percent(row.hr) },
      { name: "coverage", right: true, cell: (row) => percent(row.coverage) },
      { name: "popularity lift", right: true, cell: (row) => row.popularity_lift?.toFixed(2) ?? "–" },
      { name: "gain, 95%", right: true, cell: interval },
    ]} />
    <p class="hint">The gain is that of ${called(first.method)} over the method of the row, in points of NDCG.</p>
    ${(found.doubted || []).filter((row) => row.hurt).map((row) => html`<p class="bad">Joint learning hurts <${Domain} domain=${row.domain} /> by ${(-100 * row.gain).toFixed(1)} points: its lists are made of its own interactions alone.</p>`)}`;
}

/** @param {{found: any, second: any}} props */
function Curves({ found, second }) {
  const rows = [found, second].filter(Boolean).flatMap((each) => (each.curves || []).map((row) => ({ ...row, run: each.id })));
  if (!rows.length) return html`<${Card} title="Training"><${Nothing}>No network was trained.<//><//>`;
  const measured = rows.some((row) => row.ndcg !== null);
  const value = measured ? (row) => 100 * row.ndcg : "loss";
  const runs = [found.id, second?.id].filter(Boolean);
  return html`<${Card} title="Training"><${Chart} name="training" on=${[rows]} legend=${runs.map((id, place) => [id, RUNS[place]])} label=${`${measured ? "NDCG@10 of what was kept back to stop by" : "Loss"} after each pass over the data; the best is number ${found.best_epoch}`}
    draw=${(Plot, width) => Plot.plot({
      width, height: 240, x: { label: "pass", ticks: 6, tickFormat: "d" }, y: { label: measured ? "NDCG@10, %" : "loss, nats", grid: true },
      insetRight: 6, color: { domain: runs, range: RUNS },
      marks: [Plot.lineY(rows, { x: "epoch", y: value, stroke: "run" }), Plot.dot(rows, { x: "epoch", y: value, fill: "run", r: 2.5 }), Plot.ruleX([found.best_epoch], { strokeDasharray: "3,3" })],
    })} /><//>`;
}

/** @param {{found: any, second: any}} props */
function ByDomain({ found, second }) {
  const all = found.domains || [];
  if (!all.length) return html`<${Card} title="By domain"><${Nothing}>Nothing was measured by domain.<//><//>`;
  const methods = [...new Set(all.map((row) => row.method))];
  const shown = [methods[0], ...methods.filter((name) => name === "popularity")];
  const rows = all.filter((row) => shown.includes(row.method)).map((row) => ({ ...row, as: called(row.method) }));
  for (const row of second?.domains || []) if (row.method === second.domains[0].method) rows.push({ ...row, as: second.id });
  const names = [...new Set(rows.map((row) => row.domain))], as = [...new Set(rows.map((row) => row.as))];
  return html`<${Card} title="By domain"><${Chart} name="domains" on=${[rows]} legend=${as.map((name, place) => [name, METHODS[place]])} label=${`NDCG@${found.k} by domain: ${as.join(", ")}`}
    draw=${(Plot, width) => Plot.plot({
      width, height: 60 + 34 * names.length, marginLeft: 110, x: { label: `NDCG@${found.k}, %`, grid: true }, y: { label: null, axis: null }, fy: { label: null, domain: names },
      color: { domain: as, range: METHODS },
      marks: [Plot.barX(rows, { x: (row) => 100 * row.ndcg, y: "as", fy: "domain", fill: "as", title: (row) => `${row.as}: ${percent(row.ndcg)} over ${count(row.rows)} rows` }), Plot.ruleX([0])],
    })} />
    <${Fold} name="by-domain" summary="As a table"><${Table} label="NDCG by domain" rows=${names.map((name) => ({ name }))} columns=${[
      { name: "domain", cell: (row) => html`<${Domain} domain=${row.name} />` },
      ...methods.map((method) => ({ name: called(String(method)), right: true, cell: (row) => percent(all.find((each) => each.domain === row.name && each.method === method)?.ndcg) })),
    ]} /><//><//>`;
}

/** Where the items lie. @param {{run: string, chosen: string | null}} props */
function Places({ run, chosen }) {
  const [open, turn] = useOpen("map");
  const answer = useAnswer(open ? "run-map" : null, { run });
  if (!open) return html`<${Card} title="Map of the items"><p class="hint">Near each other is what the model takes to be alike. Made once for each run, which takes a moment.</p><button type="button" onClick=${turn}>Draw the map</button><//>`;
  const tools = html`<button type="button" class="quiet" onClick=${turn}>Close</button>`;
  return html`<${Answered} title="Map of the items" tools=${tools} answer=${answer} what="the map (made once, some seconds)">${(found) => html`<${Scatter} found=${found} chosen=${chosen} />`}<//>`;
}

/** @param {{found: any, chosen: string | null}} props */
function Scatter({ found, chosen }) {
  const rows = useMemo(() => found.key.map((key, place) => ({ key, title: found.title[place], domain: found.domain[place], x: found.x[place], y: found.y[place] })), [found]);
  const domains = [...new Set(rows.map((row) => String(row.domain)))];
  const known = rows.find((row) => row.key === chosen);
  return html`<p class="chosen" role="status">${known ? html`<${Domain} domain=${known.domain} /> <${Item} item=${known.key} title=${known.title} />` : chosen ? `${chosen} is not on this map.` : "Click a dot, or search for an item below: it is named here and ringed on the map."}</p>
    <${Chart} name="items" on=${[rows, known]} label=${`${count(rows.length)} items by domain${found.left_out ? `; ${count(found.left_out)} left out, which fewer have in the past` : ""}`}
    legend=${domains.map((name) => [name, colourOf(name)])} pressed=${(row) => keep({ dot: row.key })}
    draw=${(Plot, width) => Plot.plot({
      width, height: Math.min(620, width), axis: null, inset: 10, color: { domain: domains, range: domains.map(colourOf) },
      marks: [Plot.dot(rows, { x: "x", y: "y", r: 2, fill: "domain", fillOpacity: 0.7 }), known && Plot.dot([known], { x: "x", y: "y", r: 8, strokeWidth: 3 }),
        Plot.tip(rows, Plot.pointer({ x: "x", y: "y", title: (row) => `${row.title || row.key}\n${row.domain}` }))],
    })} />
    <${ItemSearch} id="map-item" label="An item of the map, by title or key" choose=${(key) => keep({ dot: key })} />`;
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
