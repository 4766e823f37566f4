// Whether the domains help each other: what each gains by being learned with the others.
import { html } from "./vendor/preact.js";
import { Chart } from "./charts.js";
import { Card, Domain, Nothing, Range, Table, count, interval, signed } from "./parts.js";

/** What each domain gains, with its interval. @param {{found: any}} props Of a run's transfer. */
export function Gains({ found }) {
  const measured = found.domains.filter((row) => row.gain !== undefined && row.gain !== null);
  const low = Math.min(0, ...measured.map((row) => row.low)), high = Math.max(0, ...measured.map((row) => row.high));
  return html`<${Table} label="Gain of learning together" cards=${true} rows=${found.domains} columns=${[
    { name: "domain", cell: (row) => html`<${Domain} domain=${row.domain} />` },
    { name: "gain, 95%", right: true, cell: (row) => interval(row) || "–" },
    { name: "below and above 0", cell: (row) => measured.includes(row) && html`<${Range} row=${row} low=${low} high=${high} />` },
    { name: "that is", cell: (row) => html`<span class=${row.state === "hurt" ? "bad" : ""}>${row.verdict}</span>` },
  ]} />
  <p class="hint">In points: hundredths of NDCG of lists of ${found.k || 10}, learned with the other domains, less those learned alone.</p>`;
}

/** @param {{found: any}} props */
export function Transfer({ found }) {
  if (!found?.domains?.length) {
    return html`<${Card} title="Transfer"><${Nothing}>Whether the domains help each other is not known of this run: <code>linkspan evaluate --transfer</code> finds out.<//><//>`;
  }
  const rows = found.without_domain || [];
  const names = [...new Set(found.domains.map((row) => row.domain))];
  return html`<${Card} title="Transfer">
    <${Gains} found=${found} />
    ${rows.length > 0 && html`<${Chart} name="transfer" on=${[rows]} label="Who gives to whom: points lost in a row's domain when a column's is left out; bold where the interval leaves zero out"
      draw=${(Plot, width) => Plot.plot({
        width, height: 70 + 30 * names.length, marginLeft: 110, marginBottom: 60, x: { label: "left out", domain: names, tickRotate: -30 }, y: { label: null, domain: names },
        color: { scheme: "PuOr", pivot: 0, symmetric: true, label: "points", legend: true },
        marks: [Plot.cell(rows, { x: "left_out", y: "domain", fill: (row) => 100 * row.gain, inset: 1 }),
          Plot.text(rows, { x: "left_out", y: "domain", text: (row) => signed(row.gain, 1), fill: (row) => (Math.abs(row.gain) > 0.03 ? "white" : "black"), fontSize: width < 500 ? 8 : 10, fontWeight: (row) => (row.certain ? "bold" : "normal") })],
      })} />`}
    <${Table} label="By segment" rows=${found.segments || []} columns=${[
      { name: "domain", cell: (row) => html`<${Domain} domain=${row.domain} />` },
      { name: "users with so many interactions there", cell: (row) => row.segment },
      { name: "lists", right: true, cell: (row) => count(row.lists) },
      { name: "gain, 95%", right: true, cell: interval },
    ]} /><//>`;
}
