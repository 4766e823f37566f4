// A chart by Observable Plot: drawn for the width there is, to be saved as SVG or PNG.
import { html, useEffect, useRef, useState } from "./vendor/preact.js";
import { loadPlot } from "./libraries.js";
import { save } from "./parts.js";

/**
 * @param {object} props
 * @param {string} props.label What it shows, for who does not see it.
 * @param {string} props.name File name of a saved picture.
 * @param {(Plot: any, width: number) => Element} props.draw
 * @param {unknown[]} props.on What it depends on.
 * @param {(event: any, node: Element) => void} [props.pressed]
 */
export function Chart({ label, name, draw, on, pressed }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(0);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    if (!box.current) return;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (!width) return;
    let gone = false;
    loadPlot().then(
      (Plot) => {
        if (gone || !box.current) return;
        const drawn = draw(Plot, width);
        for (const part of drawn.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
        if (pressed) drawn.addEventListener("click", (event) => pressed(event, drawn));
        box.current.replaceChildren(drawn);
      },
      (error) => setProblem(error.message),
    );
    return () => { gone = true; };
  }, [width, ...on]);
  return html`<figure class="chart">
    <div ref=${box} role="img" aria-label=${label}></div>
    ${problem && html`<p class="state failed">${problem}</p>`}
    <figcaption><span>${label}</span>
      <button type="button" class="quiet" onClick=${() => saveSvg(box.current, name)}>SVG</button>
      <button type="button" class="quiet" onClick=${() => savePng(box.current, name)}>PNG</button>
    </figcaption>
  </figure>`;
}

/** The picture as text of an SVG file, with the colours of the page. @param {HTMLElement | null} box */
function picture(box) {
  const all = [...(box?.querySelectorAll("svg") || [])]; // those of a legend are small
  const svg = all.sort((one, other) => other.clientWidth - one.clientWidth)[0];
  if (!box || !svg) return null;
  const copy = /** @type {SVGElement} */ (svg.cloneNode(true));
  const style = getComputedStyle(box);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("style", `color:${style.color};background:${getComputedStyle(document.body).backgroundColor};font:${style.font}`);
  return { text: new XMLSerializer().serializeToString(copy), width: svg.clientWidth, height: svg.clientHeight };
}

/** @param {HTMLElement | null} box @param {string} name */
function saveSvg(box, name) {
  const made = picture(box);
  if (made) save(`${name}.svg`, new Blob([made.text], { type: "image/svg+xml" }));
}

/** @param {HTMLElement | null} box @param {string} name */
function savePng(box, name) {
  const made = picture(box);
  if (!made) return;
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
