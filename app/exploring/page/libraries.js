// The two large libraries, fetched when a view first needs one.

/** @type {Map<string, Promise<void>>} */
const asked = new Map();

/** @param {string} name */
function script(name) {
  const kept = asked.get(name);
  if (kept) return kept;
  const loading = new Promise((/** @type {(value: void) => void} */ done, failed) => {
    const element = document.createElement("script");
    element.src = `/page/vendor/${name}.js`;
    element.onload = () => setTimeout(done); // what is drawn is a task of its own
    element.onerror = () => { asked.delete(name); failed(new Error(`${name} cannot be loaded`)); };
    document.head.append(element);
  });
  asked.set(name, loading);
  return loading;
}

/** @returns {Promise<any>} Observable Plot. */
export async function loadPlot() {
  await script("d3");
  await script("plot");
  return window.Plot;
}

/** @returns {Promise<any>} Cytoscape.js. */
export async function loadCytoscape() {
  await script("cytoscape");
  return window.cytoscape;
}
