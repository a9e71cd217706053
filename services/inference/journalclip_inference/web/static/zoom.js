// A figure in full resolution: zoomed by buttons, the wheel or + and -, panned by dragging or by the arrow keys.
import { make } from "./common.js";

const MOST = 8;

export function zoom(source, alt) {
  const image = make("img", { src: source, alt, draggable: "false" });
  const box = make("div", { class: "zoom-box", tabindex: "0", role: "region", "aria-label": `${alt}: full resolution; plus and minus zoom, arrow keys move` }, image);
  const shown = make("output", {}, "fits");
  let times = 0; // 0: as wide as the box; else screen pixels for each of the picture's
  const set = (wanted, about = null) => {
    const before = image.getBoundingClientRect();
    const fits = box.clientWidth / (image.naturalWidth || 1);
    times = wanted <= fits ? 0 : Math.min(MOST, wanted);
    image.style.width = times ? `${image.naturalWidth * times}px` : "100%";
    shown.textContent = times ? `${Math.round(100 * times)} %` : "fits";
    if (!about || !before.width) return;
    const grown = image.getBoundingClientRect().width / before.width;
    box.scrollLeft += (about.clientX - before.left) * (grown - 1);
    box.scrollTop += (about.clientY - before.top) * (grown - 1);
  };
  const now = () => times || box.clientWidth / (image.naturalWidth || 1);
  box.addEventListener("wheel", (event) => { event.preventDefault(); set(now() * (event.deltaY < 0 ? 1.2 : 1 / 1.2), event); }, { passive: false });
  box.addEventListener("pointermove", (event) => { if (event.buttons === 1 && event.pointerType === "mouse") box.scrollBy(-event.movementX, -event.movementY); });
  box.addEventListener("keydown", (event) => { if (["+", "-"].includes(event.key)) set(now() * (event.key === "+" ? 1.25 : 0.8)); });
  const button = (word, label, wanted) => make("button", { type: "button", "aria-label": label, onclick: () => set(wanted()) }, word);
  return make("div", { class: "zoom" }, make("div", { class: "bar" }, button("+", "Zoom in", () => now() * 1.5), button("\u2212", "Zoom out", () => now() / 1.5),
    button("1:1", "One pixel for one", () => 1), button("Fit", "Fit the width", () => 0), shown), box);
}
