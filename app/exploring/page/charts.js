// A chart by Observable Plot: drawn for the width there is, to be saved as SVG or PNG.
import { html, useEffect, useRef, useState } from "./vendor/preact.js";
import { loadPlot } from "./libraries.js";

/**
 * @param {object} props
 * @param {string} props.label What it shows, for who does not see it.
 * @param {string} props.name File name of a saved picture.
 * @param {(Plot: any, width: number) => any} props.draw
 * @param {unknown[]} props.on What it depends on.
 * @param {[string, string][]} [props.legend] Names and their colours.
 * @param {(value: any) => void} [props.pressed] Told what is drawn where it is pressed.
 */
export function Chart({ label, name, draw, on, legend = [], pressed }) {
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
        if (pressed) drawn.addEventListener("click", () => drawn.value && pressed(drawn.value));
        box.current.replaceChildren(drawn);
      },
      (error) => setProblem(error.message),
    );
    return () => { gone = true; };
  }, [width, ...on]);
  /** @param {"svg" | "png"} kind */
  const saved = async (kind) => {
    const { chartPicture, savePicture } = await import("./picture.js");
    if (box.current) savePicture(chartPicture(box.current, label, legend), name, kind);
  };
  return html`<figure class="chart">
    ${legend.length > 0 && html`<ul class="legend" aria-label="Colours">${legend.map(([text, colour]) => html`<li><span class="dot" style=${`background:${colour}`} aria-hidden="true"></span>${text}</li>`)}</ul>`}
    <div ref=${box} role="img" aria-label=${label}></div>
    ${problem && html`<p class="state failed">${problem}</p>`}
    <figcaption><span>${label}</span>
      <button type="button" class="quiet" onClick=${() => saved("svg")}>SVG</button>
      <button type="button" class="quiet" onClick=${() => saved("png")}>PNG</button>
    </figcaption>
  </figure>`;
}
