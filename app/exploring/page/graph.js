// A graph by Cytoscape.js: nodes can be dragged, and opened further where the view says how.
import { html, useEffect, useRef, useState } from "./vendor/preact.js";
import { loadCytoscape } from "./libraries.js";
import { COLOURS, colourOf } from "./parts.js";
import { keep, listed } from "./routing.js";

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
 * @property {boolean} [dashed] Of a value below zero.
 *
 * @typedef {{nodes: GraphNode[], edges: GraphEdge[]}} Drawing
 */

const MOST = 300;
const MANY = 16;
const LONGEST = 40;
const WIDEST = 2.5;
/** Name in the address of the nodes that were opened. */
const OPENED = "opened";

/** @param {string} text */
const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);

/** @param {GraphNode} node */
function fill(node) {
  if (node.kind === "item" || node.kind === "domain") return colourOf(node.domain || "");
  return { user: "#707070", entity: "#9a9a9a", other: COLOURS[7] }[node.kind] || "#767676";
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
    data: { ...edge, id: edge.id || `${edge.source}|${edge.target}|${edge.label || ""}`, label: edge.label || "", width: edge.width || 1.5, colour: edge.colour || "#8a8a8a", arrow: edge.arrow ? "triangle" : "none", dashed: edge.dashed || false, quiet: drawing.edges.length > MANY },
  }));
  return [...nodes, ...edges];
}

const FONT = 11;
const LARGEST = 26;

/** Colours of the page's theme; letters as large when a picture is made small to fit. @param {number} zoom @param {Element} box */
function style(zoom, box) {
  const letters = Math.min(LARGEST, FONT / Math.min(zoom, 1));
  const { color: text, backgroundColor: ground } = getComputedStyle(box);
  return [
    { selector: "node", style: { label: "data(label)", "background-color": "data(fill)", width: "data(size)", height: "data(size)", color: text, "font-size": letters, "text-valign": "bottom", "text-margin-y": 4, "text-wrap": "wrap", "text-max-width": 11 * letters, "text-outline-color": ground, "text-outline-width": 2 } },
    { selector: "node[kind='user']", style: { shape: "round-rectangle" } },
    { selector: "node[kind='entity']", style: { shape: "diamond" } },
    { selector: "node[?strong]", style: { "border-width": 3, "border-color": text } },
    { selector: "edge", style: { width: "data(width)", "line-color": "data(colour)", "target-arrow-color": "data(colour)", "target-arrow-shape": "data(arrow)", "curve-style": "bezier", label: "data(label)", "font-size": 0.85 * letters, color: text, "text-outline-color": ground, "text-outline-width": 2, "text-rotation": "autorotate" } },
    { selector: "edge[?dashed]", style: { "line-style": "dashed" } },
    { selector: "edge[?quiet], node.covered", style: { label: "" } },
    { selector: "edge:selected, edge.near, node:selected", style: { label: "data(label)" } },
    { selector: ":selected", style: { "border-width": 3, "border-color": "#D55E00", "line-color": "#D55E00" } },
  ];
}

/** Leave out labels that would lie upon others or upon nodes: those of what has most lines stay. @param {any} made @returns {number} How many. */
function uncover(made) {
  const nodes = made.nodes().removeClass("covered").sort((one, other) => Number(other.data("strong") || 0) - Number(one.data("strong") || 0) || other.degree() - one.degree());
  const all = { includeEdges: false, includeOverlays: false };
  /** @type {any[]} */
  const kept = nodes.map((node) => node.boundingBox({ ...all, includeLabels: false }));
  const covered = nodes.filter((node, place) => {
    const box = node.boundingBox({ ...all, includeNodes: false });
    const upon = kept.some((each, other) => other !== place && box.x1 < each.x2 && each.x1 < box.x2 && box.y1 < each.y2 && each.y1 < box.y2);
    if (!upon) kept.push(box);
    return upon;
  });
  covered.addClass("covered");
  return covered.length;
}

/** Draw out what springs have placed to the form of the picture, as labels are wide. @param {any} made */
function drawOut(made) {
  const { w, h } = made.nodes().boundingBox({ includeLabels: false });
  const by = Math.min(WIDEST, Math.max(1, (made.width() / made.height()) / (w / h || 1)));
  made.nodes().positions((node) => ({ x: by * node.position("x"), y: node.position("y") }));
  made.fit(undefined, 30);
}

/**
 * @param {object} props
 * @param {string} props.label What it shows.
 * @param {string} props.name File name of a saved picture.
 * @param {Drawing} props.drawing
 * @param {string} [props.layout] One of Cytoscape's; where nodes have places, these.
 * @param {number} [props.height] In pixels.
 * @param {(node: GraphNode) => Promise<Drawing | null>} [props.open] What is around a node; the address keeps which were opened.
 * @param {(node: GraphNode) => void} [props.pressed] Told of a node that is opened, where nothing is added.
 * @param {string} [props.leftOut] What is not drawn.
 */
export function Graph({ label, name, drawing, layout = "cose", height = 380, open, pressed, leftOut = "" }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const shown = useRef(/** @type {any} */ (null));
  const [told, setTold] = useState("");
  const [covered, setCovered] = useState(0);
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
      const springs = layout === "cose" && !placed, ground = box.current;
      delete ground.dataset.nodes; // of a picture before
      ground.classList.add("settling");
      const places = { padding: 30, nodeDimensionsIncludeLabels: true };
      const made = cytoscape({
        container: ground,
        elements: elements(drawing),
        style: style(1, ground),
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
      made.on("dbltap", "node", (event) => opened(event.target.data()));
      made.on("dragfree", "node", () => setCovered(uncover(made)));
      shown.current = made;
      const settled = async () => {
        if (gone) return;
        if (springs) drawOut(made);
        lettered(made, ground);
        ground.classList.remove("settling");
        setTold("");
        for (const id of open ? listed(OPENED) : []) {
          const node = made.getElementById(id);
          if (node.nonempty()) await more(node.data());
        }
        ground.dataset.nodes = String(made.nodes().length);
      };
      if (springs) {
        setTold("Placing the nodes…");
        laid = made.layout({ name: "cose", animate: true, refresh: 5, animationThreshold: Infinity, numIter: 500, nodeRepulsion: () => 9000, idealEdgeLength: () => 60, componentSpacing: 60, ...places });
        laid.one("layoutstop", settled);
        laid.run();
      } else setTimeout(settled); // letters are a task of their own
    }).catch((error) => setTold(error.message));
    const themed = () => shown.current && box.current && lettered(shown.current, box.current);
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

  /** Letters of a size that can be read, and none upon others. @param {any} made @param {Element} ground */
  function lettered(made, ground) {
    made.style(style(made.zoom(), ground));
    setCovered(uncover(made));
  }

  /** Open a node, and have the address keep it. @param {GraphNode} node */
  async function opened(node) {
    if (!open) return pressed?.(node);
    await more(node);
    const all = listed(OPENED);
    if (!all.includes(node.id)) keep({ [OPENED]: JSON.stringify([...all, node.id]) });
  }

  /** @param {GraphNode} node */
  async function more(node) {
    if (!open) return;
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
      await new Promise((done) => setTimeout(done)); // letters are a task of their own
      if (made !== shown.current) return;
      setNodes((now) => [...now, ...found.nodes.filter((each) => kept.has(each.id))]);
      made.fit(undefined, 30);
      if (box.current) lettered(made, box.current);
      const left = fresh.length - kept.size;
      setTold(`${kept.size} more${left ? `, ${left} left out: a picture holds ${MOST}` : ""}`);
      if (box.current) box.current.dataset.nodes = String(made.nodes().length);
    } catch (error) {
      setTold(/** @type {Error} */ (error).message);
    }
  }

  /** @param {number} by 0: until all of it is seen. */
  const zoom = (by) => {
    const made = shown.current;
    if (!made || !box.current) return;
    if (by) made.zoom({ level: made.zoom() * by, renderedPosition: { x: made.width() / 2, y: height / 2 } });
    else made.fit(undefined, 30);
    lettered(made, box.current);
  };
  /** @param {"svg" | "png"} kind */
  const saved = async (kind) => {
    const { graphPicture, savePicture } = await import("./picture.js");
    if (shown.current && box.current) savePicture(graphPicture(shown.current, box.current), name, kind);
  };
  return html`<figure class="graph">
    <div class="canvas" style=${`height:${height}px`} ref=${box} role="img" aria-label=${label}></div>
    <figcaption>
      <span>${label}${leftOut && `; left out: ${leftOut}`}${covered > 0 && `; ${covered} ${covered === 1 ? "label" : "labels"} for which there is no room: choose a node to see its own`}</span>
      ${(open || pressed) && html`<label>node <select onChange=${(event) => {
        const node = shown.current?.getElementById(event.target.value);
        shown.current?.elements().unselect();
        node?.select();
      }} value=${chosen?.id || ""}><option value="">choose</option>
        ${nodes.map((node) => html`<option value=${node.id}>${short(node.label)}</option>`)}</select></label>
      <button type="button" disabled=${!chosen} onClick=${() => chosen && opened(chosen)}>${open ? "Open further" : "Show"}</button>`}
      <button type="button" class="quiet" aria-label="Larger" onClick=${() => zoom(1.25)}>+</button>
      <button type="button" class="quiet" aria-label="Smaller" onClick=${() => zoom(0.8)}>−</button>
      <button type="button" class="quiet" onClick=${() => zoom(0)}>Fit</button>
      <button type="button" class="quiet" onClick=${() => saved("svg")}>SVG</button>
      <button type="button" class="quiet" onClick=${() => saved("png")}>PNG</button>
      <span role="status">${told}</span>
    </figcaption>
  </figure>`;
}
