// A part of a figure to search by: drawn with the mouse, a finger or a pen, or moved with the arrow keys.
import { make, outline, place } from "./common.js";

const LEAST = 0.02; // of the figure's side: less is a slip of the hand
const STEP = 0.02;

// Lets a reader draw on `frame`; `done` gets [left, top, right, bottom] in shares, or null.
export function drawRegion(frame, done) {
  let box = { left: 0.25, top: 0.25, width: 0.5, height: 0.5 };
  let from = null;
  const shown = outline(box);
  const layer = make("div", { class: "drawing-layer", tabindex: "0", role: "application",
    "aria-label": "Region to search by: arrow keys move it, with Shift they change its size, Enter searches, Escape leaves" });
  layer.append(shown);
  const share = (event) => {
    const { left, top, width, height } = layer.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height].map((each) => Math.min(1, Math.max(0, each)));
  };
  const draw = () => place(shown, box);
  const leave = (found) => { layer.remove(); done(found && [box.left, box.top, box.left + box.width, box.top + box.height].map((each) => Math.min(1, Number(each.toFixed(4))))); };
  layer.addEventListener("pointerdown", (event) => { from = share(event); layer.setPointerCapture(event.pointerId); event.preventDefault(); });
  layer.addEventListener("pointermove", (event) => {
    if (!from) return;
    const to = share(event);
    box = { left: Math.min(from[0], to[0]), top: Math.min(from[1], to[1]), width: Math.abs(to[0] - from[0]), height: Math.abs(to[1] - from[1]) };
    draw();
  });
  layer.addEventListener("pointerup", () => { from = null; if (box.width > LEAST && box.height > LEAST) leave(true); });
  layer.addEventListener("keydown", (event) => {
    const [across, down] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key] || [0, 0];
    if (event.key === "Enter") leave(true);
    else if (event.key === "Escape") leave(null);
    else if (!across && !down) return;
    else if (event.shiftKey) box = { ...box, width: clamp(box.width + across, LEAST, 1 - box.left), height: clamp(box.height + down, LEAST, 1 - box.top) };
    else box = { ...box, left: clamp(box.left + across, 0, 1 - box.width), top: clamp(box.top + down, 0, 1 - box.height) };
    event.preventDefault();
    draw();
  });
  frame.append(layer);
  layer.focus();
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
