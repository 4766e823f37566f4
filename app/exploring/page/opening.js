// What is around a node, asked of the server, as a drawing.
import { ask } from "./asking.js";
import { plain } from "./parts.js";

/** @typedef {import("./graph.js").GraphNode} GraphNode */
/** @typedef {import("./graph.js").Drawing} Drawing */

/** Id of a node in pictures. @param {string} kind @param {string} key */
export const idOf = (kind, key) => `${kind}:${key}`;

/** @param {GraphNode} node @returns {Promise<Drawing | null>} */
export async function around(node) {
  if (!node.key || !["user", "item", "entity"].includes(node.kind)) return null;
  const found = await ask("around", { kind: node.kind, key: node.key });
  if (!found.nodes.length) return null;
  return {
    nodes: found.nodes.map((row) => ({
      id: idOf(row.kind, row.key), kind: row.kind, key: row.key, domain: row.domain, label: row.title || row.key,
    })),
    edges: found.nodes.map((row) => ({ source: node.id, target: idOf(row.kind, row.key), label: plain(row.how) })),
  };
}
