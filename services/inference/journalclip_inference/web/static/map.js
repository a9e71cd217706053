// The collection as points; a lasso (or an area chosen by keyboard) lists what lies inside.
import { $, ask, card, dress, foot, make, say, sayRefused } from "./common.js";

// Eight colours that stay apart for colour-blind eyes (Okabe and Ito), by rank of frequency.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d00", "#7f7f7f"];
const MARGIN = 24;
const SHOWN = 48; // cards listed at once; the count is always told
const SIDES = 4;

const canvas = $("points");
const pen = canvas.getContext("2d");
let map = null;
let colours = new Map();
let lasso = [];
let chosen = new Set();

const screen = (index) => [MARGIN + map.x[index] * (canvas.width - 2 * MARGIN), MARGIN + map.y[index] * (canvas.height - 2 * MARGIN)];

function draw() {
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const radius = map.drawn > 5000 ? 2 : map.drawn > 800 ? 3.5 : 6;
  for (let index = 0; index < map.drawn; index += 1) {
    const [x, y] = screen(index);
    pen.globalAlpha = chosen.size && !chosen.has(index) ? 0.2 : 0.85;
    pen.fillStyle = colours.get(map.modality[index]);
    pen.beginPath();
    pen.arc(x, y, chosen.has(index) ? radius + 1.5 : radius, 0, 2 * Math.PI);
    pen.fill();
  }
  pen.globalAlpha = 1;
  if (lasso.length > 1) {
    pen.strokeStyle = getComputedStyle(document.body).color;
    pen.lineWidth = 2;
    pen.beginPath();
    lasso.forEach(([x, y], n) => (n ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.closePath();
    pen.stroke();
  }
}

function inside([x, y], shape) {
  let within = false;
  for (let i = 0, j = shape.length - 1; i < shape.length; j = i, i += 1) {
    const [xi, yi] = shape[i];
    const [xj, yj] = shape[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
  }
  return within;
}

async function select(indices) {
  chosen = new Set(indices);
  draw();
  $("clear").hidden = !indices.length;
  if (!indices.length) {
    $("results").replaceChildren();
    return say("No points there. Draw around some.");
  }
  say("Loading…");
  try {
    const answer = await ask("/v1/pairs", { pair_ids: indices.slice(0, SHOWN).map((index) => map.pair_ids[index]) });
    $("results").replaceChildren(...answer.hits.map((hit) => card(hit, { score: "own caption" })));
    const shown = indices.length > SHOWN ? `, the first ${SHOWN} shown` : "";
    say(`${indices.length} selected${shown}.`);
  } catch (error) { sayRefused(error); }
}

const all = () => Array.from({ length: map.drawn }, (_, index) => index);
const at = (event) => {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
};

canvas.addEventListener("pointerdown", (event) => { if (!map) return; canvas.setPointerCapture(event.pointerId); lasso = [at(event)]; });
canvas.addEventListener("pointermove", (event) => { if (!lasso.length || !event.buttons) return; lasso.push(at(event)); draw(); });
canvas.addEventListener("pointerup", () => {
  if (!map || !lasso.length) return;
  const shape = lasso;
  lasso = [];
  const near = shape.length < 3 ? nearest(shape[0]) : all().filter((index) => inside(screen(index), shape));
  select(near);
});
$("clear").addEventListener("click", () => { $("results").replaceChildren(); chosen = new Set(); draw(); $("clear").hidden = true; say("Nothing selected."); });

function nearest([x, y]) {
  const distance = (index) => Math.hypot(screen(index)[0] - x, screen(index)[1] - y);
  const best = all().reduce((a, b) => (distance(b) < distance(a) ? b : a), 0);
  return distance(best) < 20 ? [best] : [];
}

function legend() {
  const counts = new Map();
  for (const modality of map.modality) counts.set(modality, (counts.get(modality) || 0) + 1);
  const ranked = [...counts].sort((a, b) => b[1] - a[1]);
  colours = new Map(ranked.map(([modality], n) => [modality, COLOURS[Math.min(n, COLOURS.length - 1)]]));
  $("legend").replaceChildren(...ranked.map(([modality, count]) => {
    const dot = make("i", {});
    dot.style.background = colours.get(modality);
    return make("li", {}, dot, `${modality} (${count})`);
  }));
}

function areas() {
  const cells = Array.from({ length: SIDES * SIDES }, (_, n) => [Math.floor(n / SIDES), n % SIDES]);
  $("areas").replaceChildren(...cells.map(([row, column]) => {
    const found = all().filter((index) => Math.min(SIDES - 1, Math.floor(map.y[index] * SIDES)) === row && Math.min(SIDES - 1, Math.floor(map.x[index] * SIDES)) === column);
    return make("button", { type: "button", disabled: !found.length, "aria-label": `Row ${row + 1}, column ${column + 1}: ${found.length} points`, onclick: () => select(found) }, String(found.length));
  }));
}

async function load() {
  map = await ask("/v1/map");
  legend();
  areas();
  draw();
  const thinned = map.drawn < map.pairs ? ` (of ${map.pairs}; thinned evenly)` : "";
  say(`${map.drawn} points${thinned}. Draw around some.`);
  foot(map.served, map.pairs);
}

dress("/map");
load().catch(sayRefused);
