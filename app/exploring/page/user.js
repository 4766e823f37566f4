// A user: the past, the lists, why an item, and what would be without a part of the past.
import { html, useMemo } from "./vendor/preact.js";
import { useAnswer } from "./asking.js";
import { Chart } from "./charts.js";
import { Elsewhere } from "./links.js";
import { Answered, Card, Domain, Item, Legend, Missing, Nothing, ScoreBar, Table, colourOf, count, isDate, leading, partsOf, plain, reach, score, when } from "./parts.js";
import { Link, change, listed, turned, useOpen } from "./routing.js";
import { UserSearch } from "./search.js";
import { Why } from "./why.js";

const SHOWN = 12;

/** @param {{about: any, values: URLSearchParams}} props */
export function UserView({ about, values }) {
  const key = values.get("key");
  const found = useAnswer(key ? "user" : null, { key });
  const search = html`<${UserSearch} id="user-search" />`;
  if (!key) return html`<h1>A user</h1>${search}<${Nothing}>Search for a user by the beginning of the key.<//>`;
  return html`<div class="head"><h1>User ${key}</h1>${search}</div>
    ${found.value === null ? html`<${Missing} answer=${found} what="the user" />` : html`<${Shown} key=${key} about=${about} found=${found.value} values=${values} again=${found.again} />`}`;
}

/** @param {{about: any, found: any, values: URLSearchParams, again: () => void}} props */
function Shown({ about, found, values, again }) {
  const domains = found.profile.map((row) => row.domain);
  const lists = useMemo(() => byDomain(found.lists), [found]);
  const domain = values.get("domain") || domains.find((name) => lists.has(name)) || domains[0];
  const item = values.get("item");
  const without = { items: listed("without"), domains: listed("without_domains") };
  const taken = without.items.length + without.domains.length > 0;
  return html`
    <div class="tabs" role="group" aria-label="Domain">${found.profile.map((row) => html`
      <button type="button" aria-pressed=${row.domain === domain} onClick=${() => change({ domain: row.domain, item: null, opened: null })}>
        <${Domain} domain=${row.domain} /> <small>${count(row.items)} in the past</small></button>`)}</div>
    <div class="split">
      <${Card} title=${`Recommended${domain ? ` in ${domain}` : ""}`}>
        <${List} rows=${lists.get(domain) || []} known=${!domain || about.domains.includes(domain)} chosen=${item} about=${about} />
      <//>
      ${item ? html`<${Why} key=${item} user=${found.user} item=${item} about=${about} said=${again} others=${domains.filter((name) => name !== domain && found.past.some((row) => row.domain === name))} />`
        : html`<${Card} title="Why"><${Nothing}>Choose a recommendation to see its reason.<//><//>`}
    </div>
    ${taken && html`<${WhatIf} user=${found.user} shown=${(lists.get(domain) || []).length} item=${item} without=${without} about=${about} domain=${domain} domains=${domains} past=${found.past} />`}
    <${Past} found=${found} without=${without} about=${about} />`;
}

/** @param {any[]} rows @returns {Map<string, any[]>} */
function byDomain(rows) {
  const found = new Map();
  for (const row of rows) found.set(row.domain, [...(found.get(row.domain) || []), row]);
  for (const list of found.values()) list.sort((a, b) => a.rank - b.rank);
  return found;
}

/** What the address takes away from the past. @typedef {{items: string[], domains: string[]}} Without */

/** Why an item is in a list, in a line. @param {any} row */
function because(row) {
  const popular = leading(row) === "popularity" && "mostly as it is popular";
  if (!row.because) return popular && html`<small>${popular}</small>`;
  return html`<small>${popular && `${popular}, then `}because of <span dir="auto">${row.because}</span></small>`;
}

/** @param {{rows: any[], known: boolean, chosen: string | null, about: any}} props */
function List({ rows, known, chosen, about }) {
  if (!rows.length) {
    if (!known) return html`<${Nothing}>The graph has no such domain.<//>`;
    return html`<${Nothing}>${about.run ? "No list here: the user is newer than the run ('linkspan refresh' makes one), or nothing is left to recommend." : "No run is published yet."}<//>`;
  }
  const reached = rows.map((row) => reach(partsOf(row)));
  const low = Math.min(...reached.map(([below]) => below)), high = Math.max(...reached.map(([, above]) => above));
  return html`<ol class="list">${rows.map((row) => html`<li class=${row.item === chosen ? "chosen" : ""}>
    <button type="button" aria-pressed=${row.item === chosen} onClick=${() => change({ domain: row.domain, item: row.item, opened: null })}>
      <span class="rank">${row.rank}</span>
      <span class="what"><b dir="auto">${row.title || row.item}</b>${because(row)}</span>
      <${ScoreBar} row=${row} low=${low} high=${high} /><span class="score">${score(row.score)}</span>
    </button></li>`)}</ol><${Legend} />`;
}

/** @param {{user: string, shown: number, item: string | null, without: Without, about: any, domain: string, domains: string[], past: any[]}} props */
function WhatIf({ user, shown, item, without, about, domain, domains, past }) {
  const items = without.items, gone = without.domains;
  /** @param {string} key */
  const called = (key) => past.find((row) => row.item === key)?.title || key;
  const answer = useAnswer(about.model.there ? "without" : null, {}, { user, items, domains: gone, k: 10 });
  const named = [...gone.map((name) => `the ${name} shelf`), ...(items.length > 1 ? [`${items.length} items`] : items.map(called))].join(" and ");
  const tools = html`<button type="button" onClick=${() => change({ without: null, without_domains: null })}>Put it back</button>`;
  const title = `What if ${named} had not happened`;
  if (!about.model.there) return html`<${Card} title=${title} tools=${tools}><${Nothing}>This needs the model of the run: ${about.model.why}.<//><//>`;
  return html`<${Answered} title=${title} tools=${tools} answer=${answer} what="the model">${(found) => {
    const rows = found.changes.filter((row) => row.domain === domain);
    const listed = shown || 10; // places that the published list has
    const fell = rows.filter((row) => row.before !== null && row.before <= listed && (row.after === null || row.after > listed)).length;
    const chosen = rows.find((row) => row.item === item);
    return html`${found.unknown.length > 0 && html`<p class="hint">New since the run, so that the model does not know of it: ${found.unknown.map(called).join(", ")}.</p>`}
      ${chosen && html`<p class="sentence"><b dir="auto">${chosen.title || chosen.item}</b> ${told(chosen, listed)}.</p>`}
      <p class="lead">Without ${found.taken} of ${found.history} interactions the model of run ${found.run} gives this in <${Domain} domain=${domain} />:
      ${fell ? ` ${fell} of the ${listed} that the list shows fall out of it.` : ` none of the ${listed} that the list shows falls out of it.`} Places to 10 are compared.</p>
      <${Table} label="Places before and after" rows=${rows} empty="No list in this domain." columns=${[
        { name: "before", right: true, cell: (row) => row.before ?? "–" },
        { name: "after", right: true, cell: (row) => row.after ?? "–" },
        { name: "move", cell: (row) => html`<${Move} row=${row} />` },
        { name: "item", cell: (row) => html`<${Item} item=${row.item} title=${row.title} />${row.taken ? html` <small>(taken away)</small>` : null}` },
        { name: "score before", right: true, cell: (row) => score(row.score_before) },
        { name: "score after", right: true, cell: (row) => score(row.score_after) },
        { name: "what counts most then", cell: (row) => row.because_after && html`<span dir="auto">${row.because_after}</span>` },
      ]} />
      ${domains.length > 1 && html`<p class="hint">Other domains: ${domains.filter((name) => name !== domain).map((name) => html`<button type="button" class="quiet" onClick=${() => change({ domain: name, item: null, opened: null })}><${Domain} domain=${name} /> ${changed(found.changes, name)}</button> `)}</p>`}`;
  }}<//>`;
}

/** What becomes of an item; a list shows so many. @param {any} row @param {number} listed */
function told(row, listed) {
  if (row.after === null) return `was number ${row.before} and would not be among the first ten`;
  if (row.before === null) return `was not among the first ten and would be number ${row.after}`;
  if (row.before === row.after) return `would be number ${row.after} all the same`;
  return `was number ${row.before} and would be number ${row.after}${row.before <= listed && row.after > listed ? `, which a list of ${listed} does not show` : ""}`;
}

/** @param {any[]} rows @param {string} domain */
function changed(rows, domain) {
  const moved = rows.filter((row) => row.domain === domain && row.before !== row.after).length;
  return moved ? `${moved} move` : "unchanged";
}

/** @param {{row: any}} props */
function Move({ row }) {
  if (row.before === row.after) return html`<span class="same">stays</span>`;
  if (row.after === null) return html`<span class="fell">▼ falls out</span>`;
  if (row.before === null) return html`<span class="rose">▲ comes in</span>`;
  return row.after < row.before ? html`<span class="rose">▲ rises ${row.before - row.after}</span>` : html`<span class="fell">▼ falls ${row.after - row.before}</span>`;
}

/** @param {{found: any, without: Without, about: any}} props */
function Past({ found, without, about }) {
  const past = useMemo(() => byDomain(found.past), [found]);
  const total = found.profile.reduce((sum, row) => sum + row.items, 0);
  const dated = found.past.filter((row) => row.at !== null);
  if (!found.past.length) return html`<${Card} title="Past"><${Nothing}>This user's past is empty.<//><//>`;
  return html`<${Card} title="Past">
    <p class="hint">${count(total)} ${total === 1 ? "item" : "items"}${found.cut ? `; the latest ${count(found.past.length)} interactions are shown` : ""}. Take one away, or a whole shelf, to see what the lists would be without.</p>
    ${dated.length > 1 && html`<${TimeLine} rows=${dated} />`}
    <div class="shelves">${[...past].map(([domain, rows]) => html`<${Shelf} key=${domain} domain=${domain} rows=${rows} without=${without} />`)}</div>
    <${Elsewhere} about=${about} what="This user" query="as_graph" values=${{ user: found.user }} rest=${["recommend", found.user]} />
    <p class="hint"><${Link} view="cypher" values=${{ name: "as_graph", user: found.user, run: 1 }}>This user as a graph, in Cypher<//></p>
  <//>`;
}

/** The past in a domain. @param {{domain: string, rows: any[], without: Without}} props */
function Shelf({ domain, rows, without }) {
  const [all, turn] = useOpen(`shelf:${domain}`);
  const gone = without.domains.includes(domain);
  return html`<section aria-label=${`Past in ${domain}`}>
    <h3><${Domain} domain=${domain} /> <small>${count(rows.length)}</small>
      <button type="button" class="quiet" aria-pressed=${gone} onClick=${() => change({ without_domains: turned(without.domains, domain) })}>${gone ? "Put the shelf back" : "Without this shelf"}</button></h3>
    <ul>${rows.slice(0, all ? rows.length : SHOWN).map((row) => {
      const away = without.items.includes(row.item);
      return html`<li class=${gone || away ? "gone" : ""}>
        <${Item} item=${row.item} title=${row.title} /> <small>${plain(row.interaction)} ${when(row.at)}</small>
        <button type="button" class="quiet" aria-pressed=${away} aria-label=${`${away ? "Put back" : "Without"} ${row.title || row.item}`}
          onClick=${() => change({ without: turned(without.items, row.item) })}>${away ? "put back" : "without"}</button></li>`;
    })}</ul>
    ${rows.length > SHOWN && html`<button type="button" class="quiet" aria-expanded=${all} onClick=${turn}>${all ? "Fewer" : `All ${count(rows.length)}`}</button>`}
  </section>`;
}

/** @param {{rows: any[]}} props */
function TimeLine({ rows }) {
  const dates = isDate(rows[0].at);
  const domains = [...new Set(rows.map((row) => row.domain))];
  return html`<${Chart} label=${`The past in time, ${rows.length} interactions`} name="past" on=${[rows]}
    draw=${(Plot, width) => Plot.plot({
      width, height: 46 + 24 * domains.length, marginLeft: 110, insetLeft: 8, insetRight: 8,
      x: { label: dates ? null : "place in the order", type: dates ? "utc" : "linear", ticks: width < 500 ? 3 : 8, tickFormat: dates ? undefined : "d" },
      y: { label: null, domain: domains },
      marks: [Plot.dot(rows, {
        x: (row) => (dates ? new Date(row.at) : row.at), y: "domain", r: 4, fillOpacity: 0.7,
        fill: (row) => colourOf(row.domain), title: (row) => `${row.title || row.item} (${when(row.at)})`,
      })],
    })} />`;
}
