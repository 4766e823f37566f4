// A graph by Cytoscape.js: nodes can be dragged, and opened further where the view says how.
import { html, useEffect, useRef, useState } from "./vendor/preact.js";
import { loadCytoscape } from "./libraries.js";
import { COLOURS, colourOf, save } from "./parts.js";

/**
 * @typedef {object} GraphNode
 * @property {string} id
 * @property {string} label
 * @property {"user" | "item" | "entity" | "domain" | "other"} kind
 * @property {string} [domain]
 * @property {string} [key] In the database.
 * @property {number} [size] In pixels.
 * @property {boolean} [strong]
 * @property {{x: number, y: number}} [at]
 *
 * @typedef {object} GraphEdge
 * @property {string} [id] Of edges between the same nodes; else by ends and label.
 * @property {string} source
 * @property {string} target
 * @property {string} [label]
 * @property {number} [width] In pixels.
 * @property {boolean} [arrow]
 * @property {string} [colour]
 *
 * @typedef {{nodes: GraphNode[], edges: GraphEdge[]}} Drawing
 */

const MOST = 300;
const MANY = 16;
const LONGEST = 40;

/** @param {string} text */
const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);

/** @param {GraphNode} node */
function fill(node) {
  if (node.kind === "item" || node.kind === "domain") return colourOf(node.domain || "");
  return { user: "#4a4a4a", entity: "#9a9a9a", other: COLOURS[7] }[node.kind] || "#767676";
}

/** @param {Drawing} drawing */
function elements(drawing) {
  const nodes = drawing.nodes.map((node) => ({
    group: "nodes",
    data: { ...node, label: short(node.label), full: node.label, fill: fill(node), size: node.size || (node.kind === "entity" ? 18 : 26) },
    ...(node.at && { position: node.at }),
  }));
  const edges = drawing.edges.map((edge) => ({
    group: "edges",
    data: { ...edge, id: edge.id || `${edge.source}|${edge.target}|${edge.label || ""}`, label: edge.label || "", width: edge.width || 1.5, colour: edge.colour || "#8a8a8a", arrow: edge.arrow ? "triangle" : "none", quiet: drawing.edges.length > MANY },
  }));
  return [...nodes, ...edges];
}

const FONT = 11;
const LARGEST = 26;

/** Colours of the page's theme; letters as large when a picture is made small to fit. @param {number} zoom */
function style(zoom) {
  const letters = Math.min(LARGEST, FONT / Math.min(zoom, 1));
  const page = getComputedStyle(document.documentElement);
  const text = page.getPropertyValue("--text"), ground = page.getPropertyValue("--card");
  return [
    { selector: "node", style: { label: "data(label)", "background-color": "data(fill)", width: "data(size)", height: "data(size)", color: text, "font-size": letters, "text-valign": "bottom", "text-margin-y": 4, "text-wrap": "wrap", "text-max-width": 11 * letters, "text-outline-color": ground, "text-outline-width": 2 } },
    { selector: "node[kind='user']", style: { shape: "round-rectangle" } },
    { selector: "node[kind='entity']", style: { shape: "diamond" } },
    { selector: "node[?strong]", style: { "border-width": 3, "border-color": text } },
    { selector: "edge", style: { width: "data(width)", "line-color": "data(colour)", "target-arrow-color": "data(colour)", "target-arrow-shape": "data(arrow)", "curve-style": "bezier", label: "data(label)", "font-size": 0.85 * letters, color: text, "text-outline-color": ground, "text-outline-width": 2, "text-rotation": "autorotate" } },
    { selector: "edge[?quiet]", style: { label: "" } },
    { selector: "edge:selected, edge.near", style: { label: "data(label)" } },
    { selector: ":selected", style: { "border-width": 3, "border-color": "#D55E00", "line-color": "#D55E00" } },
  ];
}

/**
 * @param {object} props
 * @param {string} props.label What it shows.
 * @param {string} props.name File name of a saved picture.
 * @param {Drawing} props.drawing
 * @param {string} [props.layout] One of Cytoscape's; where nodes have places, these.
 * @param {number} [props.height] In pixels.
 * @param {(node: GraphNode) => Promise<Drawing | null>} [props.open] What is around a node.
 * @param {(node: GraphNode) => void} [props.pressed] Told of a node that is opened, where nothing is added.
 * @param {string} [props.leftOut] What is not drawn.
 */
export function Graph({ label, name, drawing, layout = "cose", height = 380, open, pressed, leftOut = "" }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const shown = useRef(/** @type {any} */ (null));
  const [told, setTold] = useState("");
  const [chosen, setChosen] = useState(/** @type {GraphNode | null} */ (null));
  const [nodes, setNodes] = useState(drawing.nodes);
  const placed = drawing.nodes.some((node) => node.at);
  useEffect(() => {
    let gone = false;
    /** @type {any} */
    let laid = null;
    setChosen(null);
    setTold("");
    setNodes(drawing.nodes);
    loadCytoscape().then((cytoscape) => {
      if (gone || !box.current) return;
      // Springs settle a few steps a frame, and are seen when they have: at once would stop the page.
      const springs = layout === "cose" && !placed;
      const places = { padding: 30, nodeDimensionsIncludeLabels: true };
      const made = cytoscape({
        container: box.current,
        elements: elements(drawing),
        style: style(1),
        layout: springs ? { name: "null" } : { name: placed ? "preset" : layout, animate: false, ...places },
        minZoom: 0.2, maxZoom: 4, userZoomingEnabled: false,
      });
      made.on("select", "node", (event) => {
        setChosen(event.target.data());
        event.target.connectedEdges().addClass("near");
      });
      made.on("unselect", "node", (event) => {
        setChosen(null);
        event.target.connectedEdges().removeClass("near");
      });
      made.on("dbltap", "node", (event) => more(event.target.data()));
      shown.current = made;
      const letters = () => { if (!gone) made.style(style(made.zoom())); };
      if (springs) {
        laid = made.layout({ name: "cose", animate: true, refresh: 5, animationThreshold: Infinity, ...places });
        laid.one("layoutstop", letters);
        laid.run();
      } else letters();
      box.current.dataset.nodes = String(drawing.nodes.length);
    }).catch((error) => setTold(error.message));
    const themed = () => shown.current?.style(style(shown.current.zoom()));
    window.addEventListener("themed", themed);
    return () => {
      gone = true;
      window.removeEventListener("themed", themed);
      laid?.stop();
      const made = shown.current;
      requestAnimationFrame(() => made?.destroy()); // after the last step of its springs
      shown.current = null;
    };
  }, [drawing]);

  /** @param {GraphNode} node */
  async function more(node) {
    if (!open) return pressed?.(node);
    const made = shown.current;
    setTold("Asking…");
    try {
      const found = await open(node);
      if (made !== shown.current) return; // another picture stands there by now
      if (!found) return setTold("Nothing more is known of it.");
      const room = MOST - made.nodes().length;
      const fresh = found.nodes.filter((each) => made.getElementById(each.id).empty());
      const kept = new Set(fresh.slice(0, room).map((each) => each.id));
      /** @type {any[]} */
      const all = elements(found).filter((each) => each.group === "nodes"
        ? kept.has(each.data.id)
        : made.getElementById(each.data.id).empty());
      const has = (id) => kept.has(id) || made.getElementById(id).nonempty();
      const around = made.getElementById(node.id).position();
      const added = all.filter((each) => each.group === "nodes" || (has(/** @type {any} */ (each.data).source) && has(/** @type {any} */ (each.data).target)));
      let turn = 0;
      for (const each of added) {
        if (each.group !== "nodes") continue;
        const angle = (2 * Math.PI * turn++) / Math.max(kept.size, 1);
        each.position = { x: around.x + 110 * Math.cos(angle), y: around.y + 110 * Math.sin(angle) };
      }
      made.add(added);
      setNodes((now) => [...now, ...found.nodes.filter((each) => kept.has(each.id))]);
      made.animate({ fit: { eles: made.elements(), padding: 30 } }, { duration: 200 });
      const left = fresh.length - kept.size;
      setTold(`${kept.size} more${left ? `, ${left} left out: a picture holds ${MOST}` : ""}`);
      if (box.current) box.current.dataset.nodes = String(made.nodes().length);
    } catch (error) {
      setTold(/** @type {Error} */ (error).message);
    }
  }

  /** @param {number} by */
  const zoom = (by) => shown.current?.zoom({ level: shown.current.zoom() * by, renderedPosition: { x: shown.current.width() / 2, y: height / 2 } });
  const saved = async () => save(`${name}.png`, await shown.current.png({ output: "blob-promise", scale: 2, bg: getComputedStyle(document.documentElement).getPropertyValue("--card"), full: true }));
  return html`<figure class="graph">
    <div class="canvas" style=${`height:${height}px`} ref=${box} role="img" aria-label=${label}></div>
    <figcaption>
      <span>${label}${leftOut && `; left out: ${leftOut}`}</span>
      ${(open || pressed) && html`<label>node <select onChange=${(event) => {
        const node = shown.current?.getElementById(event.target.value);
        shown.current?.elements().unselect();
        node?.select();
      }} value=${chosen?.id || ""}><option value="">choose</option>
        ${nodes.map((node) => html`<option value=${node.id}>${short(node.label)}</option>`)}</select></label>
      <button type="button" disabled=${!chosen} onClick=${() => chosen && more(chosen)}>${open ? "Open further" : "Show"}</button>`}
      <button type="button" class="quiet" aria-label="Larger" onClick=${() => zoom(1.25)}>+</button>
      <button type="button" class="quiet" aria-label="Smaller" onClick=${() => zoom(0.8)}>−</button>
      <button type="button" class="quiet" onClick=${() => shown.current?.fit(undefined, 30)}>Fit</button>
      <button type="button" class="quiet" onClick=${saved}>PNG</button>
      <span role="status">${told}</span>
    </figcaption>
  </figure>`;
}
