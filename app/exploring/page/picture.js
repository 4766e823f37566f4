// Pictures to be saved: a chart with its words and legend, or a graph, as one SVG file or as PNG.

/** @typedef {{text: string, width: number, height: number}} Picture */

const EDGE = 16, LINE = 18, LETTER = 7;
/** Letters in a line below a node, about as many as Cytoscape puts there. */
const WORDS = 20;
/** Characters that XML cannot hold. */
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;
const SPACE = "http://www.w3.org/2000/svg";

/** An element of SVG. @param {string} name @param {Record<string, string | number>} [own] @param {string} [text] */
function draw(name, own = {}, text = "") {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(own)) made.setAttribute(key, String(value));
  made.textContent = text;
  return made;
}

/** What is drawn, in the page's colours. @param {SVGElement[]} parts @param {number} width @param {number} height @param {Element} like Whose colours it takes. @returns {Picture} */
function whole(parts, width, height, like) {
  const style = getComputedStyle(like);
  const card = getComputedStyle(like.closest(".card") || document.body).backgroundColor;
  const made = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, fill: style.color, style: `color:${style.color};font:12px system-ui,sans-serif;--plot-background:${card}` });
  made.append(draw("rect", { width, height, fill: card }), ...parts);
  return { text: new XMLSerializer().serializeToString(made).replace(CONTROL, ""), width, height };
}

/** Words in lines of a width. @param {string} text @param {number} width @returns {string[]} */
function lines(text, width) {
  const found = [""];
  for (const word of text.split(" ")) {
    const last = found[found.length - 1];
    if (last && (last.length + word.length) * LETTER > width) found.push(word);
    else found[found.length - 1] = last ? `${last} ${word}` : word;
  }
  return found;
}

/** @param {HTMLElement} box Of the chart. @param {string} label @param {[string, string][]} legend @returns {Picture} */
export function chartPicture(box, label, legend) {
  const charts = [...box.querySelectorAll("svg")];
  const inside = Math.max(...charts.map((svg) => Number(svg.getAttribute("width"))));
  let y = EDGE, x = EDGE;
  /** @type {SVGElement[]} */
  const parts = [];
  for (const line of lines(label, inside)) {
    parts.push(draw("text", { x: EDGE, y: y + 12 }, line));
    y += LINE;
  }
  for (const [text, colour] of legend) {
    const wide = 22 + LETTER * text.length;
    if (x + wide > inside + EDGE && x > EDGE) { x = EDGE; y += LINE; }
    parts.push(draw("circle", { cx: x + 5, cy: y + 8, r: 5, fill: colour }), draw("text", { x: x + 14, y: y + 12 }, text));
    x += wide;
  }
  if (legend.length) y += LINE;
  y += 6;
  for (const svg of charts) {
    const copy = /** @type {SVGElement} */ (svg.cloneNode(true));
    for (const [key, value] of Object.entries({ x: EDGE, y, overflow: "visible" })) copy.setAttribute(key, String(value));
    parts.push(copy);
    y += Number(svg.getAttribute("height"));
  }
  return whole(parts, inside + 2 * EDGE, y + EDGE, box);
}

/** A graph where its nodes lie. @param {any} made By Cytoscape. @param {Element} box @returns {Picture} */
export function graphPicture(made, box) {
  const { x1, y1, w, h } = made.elements().boundingBox();
  const letters = parseFloat(made.nodes()[0]?.style("font-size") || "11");
  /** @param {{x: number, y: number}} at */
  const moved = (at) => ({ x: at.x - x1 + EDGE, y: at.y - y1 + EDGE });
  /** @param {string} text @param {number} x @param {number} y @param {number} size */
  const words = (text, x, y, size) => draw("text", { x, y, "text-anchor": "middle", "font-size": size }, text);
  /** @type {SVGElement[]} */
  const parts = [];
  for (const edge of made.edges()) {
    const from = moved(edge.sourceEndpoint()), to = moved(edge.targetEndpoint()), colour = edge.data("colour");
    parts.push(draw("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y, stroke: colour, "stroke-width": edge.data("width"), ...(edge.data("dashed") && { "stroke-dasharray": "6 4" }) }));
    if (edge.data("arrow") === "triangle") {
      const turn = (180 * Math.atan2(to.y - from.y, to.x - from.x)) / Math.PI;
      parts.push(draw("path", { d: "M0,0 L-9,-4 L-9,4 Z", fill: colour, transform: `translate(${to.x} ${to.y}) rotate(${turn})` }));
    }
    if (edge.style("label")) parts.push(words(edge.style("label"), (from.x + to.x) / 2, (from.y + to.y) / 2 - 3, 0.85 * letters));
  }
  for (const node of made.nodes()) {
    const { x, y } = moved(node.position()), r = node.data("size") / 2, fill = node.data("fill");
    const shape = { user: draw("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, rx: r / 3, fill }), entity: draw("path", { d: `M${x - r},${y} L${x},${y - r} L${x + r},${y} L${x},${y + r} Z`, fill }) };
    parts.push(shape[node.data("kind")] || draw("circle", { cx: x, cy: y, r, fill }));
    if (!node.style("label")) continue;
    const rows = String(node.data("label")).split("\n").flatMap((line) => lines(line, WORDS * LETTER));
    parts.push(...rows.map((line, place) => words(line, x, y + r + 4 + letters * (0.9 + 1.1 * place), letters)));
  }
  return whole(parts, Math.ceil(w) + 2 * EDGE, Math.ceil(h) + 2 * EDGE, box);
}

/** @param {Picture} made @param {string} name @param {"svg" | "png"} kind */
export function savePicture(made, name, kind) {
  if (kind === "svg") return save(`${name}.svg`, new Blob([made.text], { type: "image/svg+xml" }));
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement("canvas");
    canvas.width = 2 * made.width;
    canvas.height = 2 * made.height;
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => blob && save(`${name}.png`, blob));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(made.text)}`;
}

/** @param {string} name @param {Blob} blob */
function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
