// Three orthogonal planes of one volume with a common point; slices from below up, rows front to back, columns right to left.
import { make } from "./common.js";

export class Volume {
  constructor(voxels, [slices, rows, columns], [dz, dy, dx]) {
    Object.assign(this, { voxels, shape: [slices, rows, columns], spacing: [dz, dy, dx] });
  }

  at(z, y, x) { return this.voxels[(z * this.shape[1] + y) * this.shape[2] + x]; }
}

// For each plane: which axes run down and across, and which one it cuts. Upwards is up on the screen.
const PLANES = [
  { name: "Axial", cut: 0, down: 1, across: 2, flip: false, ends: ["R", "L"] },
  { name: "Coronal", cut: 1, down: 0, across: 2, flip: true, ends: ["R", "L"] },
  { name: "Sagittal", cut: 2, down: 0, across: 1, flip: true, ends: ["A", "P"] },
];

export function planesOf(place, volume, keySlice, moved) {
  const point = [keySlice, volume.shape[1] >> 1, volume.shape[2] >> 1];
  const grey = { level: 128, width: 256 }; // of the stored 0 to 255
  const views = PLANES.map((plane) => viewOf(plane));
  const dial = (name, key, least) => make("label", {}, name, make("input", { type: "range", min: least, max: 256, value: grey[key],
    oninput: (event) => { grey[key] = Number(event.target.value); redraw(); } }));
  place.replaceChildren(...views.map((view) => view.element),
    make("div", { class: "window" }, dial("Level", "level", 0), dial("Window", "width", 2)));
  const redraw = () => { for (const view of views) view.draw(); moved(...point); };

  function viewOf(plane) {
    const [rows, columns] = [volume.shape[plane.down], volume.shape[plane.across]];
    const canvas = make("canvas", { width: columns, height: rows, role: "img", "aria-label": `${plane.name} plane` });
    // Millimetres decide the shape on the screen, not voxels.
    canvas.style.aspectRatio = `${columns * volume.spacing[plane.across]} / ${rows * volume.spacing[plane.down]}`;
    const pen = canvas.getContext("2d");
    const slider = make("input", { type: "range", min: 0, max: volume.shape[plane.cut] - 1, value: point[plane.cut],
      "aria-label": `${plane.name} position`, oninput: (event) => { point[plane.cut] = Number(event.target.value); redraw(); } });
    const row = (r) => (plane.flip ? rows - 1 - r : r);
    const pick = (event) => {
      if (!event.buttons && event.type !== "click") return;
      const box = canvas.getBoundingClientRect();
      const clamp = (value, most) => Math.max(0, Math.min(most - 1, Math.floor(value)));
      point[plane.across] = clamp(((event.clientX - box.left) / box.width) * columns, columns);
      point[plane.down] = row(clamp(((event.clientY - box.top) / box.height) * rows, rows));
      redraw();
    };
    canvas.addEventListener("pointermove", pick);
    canvas.addEventListener("click", pick);
    const draw = () => {
      const image = pen.createImageData(columns, rows);
      const index = [0, 0, 0];
      index[plane.cut] = point[plane.cut];
      for (let r = 0; r < rows; r += 1) {
        index[plane.down] = row(r);
        for (let c = 0; c < columns; c += 1) {
          index[plane.across] = c;
          const shade = Math.max(0, Math.min(255, 255 * ((volume.at(...index) - grey.level) / grey.width + 0.5)));
          const here = c === point[plane.across] || row(r) === point[plane.down];
          image.data.set(here ? [Math.min(255, shade + 70), shade, Math.max(0, shade - 30), 255] : [shade, shade, shade, 255], 4 * (r * columns + c));
        }
      }
      pen.putImageData(image, 0, 0);
      slider.value = point[plane.cut];
    };
    const marks = plane.ends.map((end, n) => make("span", { class: n ? "end right" : "end", "aria-hidden": "true" }, end));
    return { element: make("figure", {}, ...marks, canvas, make("figcaption", {}, plane.name, slider)), draw };
  }

  redraw();
}
