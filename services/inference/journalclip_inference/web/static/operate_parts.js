// Parts of the pages for those who run an installation: tables, reasons asked for, curves.
import { make } from "./common.js";

export function table(caption, heads, rows, nothing) {
  if (!rows.length) return make("p", { class: "hint" }, nothing);
  return make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption }, make("table", { class: "list" }, make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, ...[cell].flat())))))));
}

// A question with a reason (and whatever else `fields` has); `send` gets the values by name.
export function question(title, explanation, fields, word, send) {
  document.querySelector("dialog")?.remove();
  const inputs = fields.map((field) => [field.name, control(field)]);
  const dialog = make("dialog", { "aria-labelledby": "question" }, make("form", { method: "dialog", onsubmit: (event) => {
    event.preventDefault();
    dialog.close();
    send(Object.fromEntries(inputs.map(([name, input]) => [name, input.value.trim()])));
  } }, make("h2", { id: "question" }, title), make("p", { class: "hint" }, explanation),
  ...inputs.map(([, input], n) => make("label", {}, fields[n].label, input)),
  make("div", { class: "bar" }, make("button", { class: "primary", type: "submit" }, word), make("button", { type: "button", onclick: () => dialog.close() }, "Cancel"))));
  document.body.append(dialog);
  dialog.showModal();
}

function control({ name, options, type = "text", value = "", min = null, needed = true }) {
  if (options) return make("select", { name }, ...options.map((each) => make("option", { value: each }, each)));
  const input = make("input", { name, type, required: needed, min, minlength: needed && type === "text" ? 3 : null });
  input.value = value;
  return input;
}

const SVG = "http://www.w3.org/2000/svg";
const draw = (tag, attributes, ...children) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

// A metric over steps as a line, with its ends in words: a reader who sees no line reads them.
export function curve({ name, steps, values }) {
  const [wide, high, edge] = [320, 120, 6];
  const [low, top] = [Math.min(...values), Math.max(...values)];
  const x = (step) => edge + (wide - 2 * edge) * (step - steps[0]) / Math.max(1, steps.at(-1) - steps[0]);
  const y = (value) => high - edge - (high - 2 * edge) * (value - low) / (top - low || 1);
  const said = `${name}: ${values[0].toPrecision(4)} at step ${steps[0]}, ${values.at(-1).toPrecision(4)} at step ${steps.at(-1)}; least ${low.toPrecision(4)}`;
  const line = draw("polyline", { points: steps.map((step, n) => `${x(step).toFixed(1)},${y(values[n]).toFixed(1)}`).join(" "), class: "line" });
  return make("figure", { class: "curve" }, draw("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": said }, line), make("figcaption", {}, said));
}

export const day = (time) => (time || "").slice(0, 16).replace("T", " ");
