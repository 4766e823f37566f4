// The words of the page, and what they mean.
import { html } from "./vendor/preact.js";
import { Fold } from "./routing.js";

/** The parts of a score in the order in which they are drawn: its name in the graph, how it is called here, colour (of Paul Tol's muted ones), and what it is. */
export const PARTS = [
  { name: "gnn", called: "network", colour: "#6659c7", words: "all that was learned together, over all domains" },
  { name: "linear", called: "chosen together", colour: "#88CCEE", words: "items that the same people have" },
  { name: "transitions", called: "what comes next", colour: "#44AA99", words: "what people come to after what" },
  { name: "text", called: "texts", colour: "#AA4499", words: "how alike the texts are" },
  { name: "relations", called: "ties", colour: "#DDCC77", words: "what the graph ties both to" },
  { name: "popularity", called: "popularity", colour: "#CC6677", words: "how many have it" },
];

/** @type {Record<string, string>} */
const WORDS = {
  domain: "a catalogue of its own, such as books or films",
  item: "one thing of a domain, which can be recommended",
  user: "a person whose interactions are known, called by a key",
  key: "the name under which the graph knows a user, an item or an entity; an item's is domain/id",
  interaction: "one thing that a user did with an item: saved, rated, bought",
  past: "the items that a user has interacted with, in all domains; a shelf is those of one domain",
  entity: "something that items share: an author, a tag, a series",
  tie: "a line of the graph between an item and an entity, or between two items",
  list: "what is recommended to a user in a domain, the best first",
  score: "what orders a list; scores of one domain can be compared, those of two cannot",
  "part of a score": `${PARTS.map((part) => `${part.called} (${part.words})`).join(", ")}; they add up to the score`,
  likeness: "from −1 to 1: how alike two items are, by what the network learned, by their texts, or by what both are tied to (their cosine)",
  run: "one training of a model, with the lists that it made; the active one is shown",
  network: "the part of the model that learns from the graph of all domains at once (a graph neural network)",
  hybrid: "the method that is published: all parts of the score together",
  baseline: "a simpler method, measured in the same way, to compare with",
  "kept back": "interactions that the training did not see, so that lists can be measured by them",
  NDCG: "how high in a list of ten that stands which was kept back: 100 where it is always first, 0 where it is never there",
  HR: "share of the lists of ten that hold what was kept back (hit rate)",
  coverage: "share of the items that stand in somebody's list",
  "popularity lift": "how much more popular what is recommended is than the past of the same users: 0.30 is 30% more",
  point: "one hundredth of NDCG",
  gain: "how many points one way of learning is better than another; below zero it is worse",
  "95%": "the interval in which a gain lies with a probability of 95%; where it holds 0, no difference can be told",
  transfer: "that what is learned in one domain helps in another; where it does harm, the domain is hurt",
  "what if": "the lists that the same model makes of a past without a part of it",
};

/** A method as the page calls it. @param {string} method */
export const called = (method) => PARTS.reduce((text, part) => text.replace(new RegExp(`\\b${part.name}\\b`), part.called), method);

/** What a word means, by the words of a table's column; undefined where it says so itself. @param {string} words */
export function meaningOf(words) {
  const name = Object.keys(WORDS).find((each) => words === each || words === `${each}s` || words.startsWith(`${each}@`) || words.startsWith(`${each},`));
  return name && `${name}: ${WORDS[name]}`;
}

/** All words, at the foot of each view. */
export const Words = () => html`<footer class="words"><${Fold} name="words" summary="What do these words mean?">
  <dl>${Object.entries(WORDS).map(([name, meaning]) => html`<dt>${name}</dt><dd>${meaning}</dd>`)}</dl><//></footer>`;
