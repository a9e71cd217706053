// The review queue, worked by keyboard alone. A decision is sent at once and can be taken back.
import { $, ask, dress, foot, make, nameOf, outline, place, say, sayRefused } from "./common.js";
import { pointsWide } from "./page.js";
import { notesOf, unsaid } from "./review_notes.js";
import { disputes, progress } from "./review_stewards.js";
import { loadStudies } from "./review_studies.js";

const REASONS = [["good", "good as it is"], ["wrong-panel", "wrong panel"], ["wrong-caption", "caption of another figure"], ["not-a-figure", "not a figure"],
  ["poor-image", "poor picture"], ["identifiable-person", "a person can be recognised"], ["duplicate", "duplicate"], ["off-topic", "off topic"], ["other", "other"]];
const KEYS = [["a", "Accept", "accept"], ["r", "Reject", "reject"], ["c", "Edit caption", ""], ["b", "Edit box", ""], ["u", "Undo", ""], ["n", "Next", ""]];

const state = { items: [], at: 0, done: new Map(), picked: new Set(), history: [], box: null, editing: "", busy: false };
const item = () => state.items[state.at];
const UNSAVED = "You changed this pair. Save (Ctrl+Enter) or cancel (Escape) first.";
const UNSAID = "You wrote a note that is not added yet: add it, or empty its field.";

// What the reviewer changed and has not saved yet; null where there is nothing.
function changes() {
  if (!state.items.length) return null;
  const found = {};
  if ($("text").value.trim() && $("text").value !== item().pair.caption) found.text = $("text").value;
  const was = item().box;
  if (was && state.box && ["x0", "y0", "x1", "y1"].some((side) => state.box[side] !== was[side])) found.box = state.box;
  return Object.keys(found).length ? found : null;
}

// Nothing that leaves this pair may take an edit with it.
const unlessChanged = (work) => () => (changes() ? say(UNSAVED, true) : unsaid() ? say(UNSAID, true) : work());

async function load() {
  const doubt = $("doubt").value;
  const answer = await ask(`/v1/review/queue?limit=100${doubt ? `&doubt=${doubt}` : ""}${$("whose").value ? "&assigned=true" : ""}`);
  $("whose").options[1].textContent = `assigned to me (${answer.assigned})`;
  Object.assign(state, { items: answer.items, waiting: answer.left, decided: answer.decided, at: 0, done: new Map(), picked: new Set(), history: [], editing: "" });
  $("desk").hidden = !state.items.length;
  say(state.items.length ? `${left()} You have decided ${answer.decided}.` : `Nothing to review: no doubted pair is left for you. You have decided ${answer.decided}.`);
  foot(answer.served, answer.items.length);
  if (state.items.length) show();
  agreement();
}

function show() {
  const { pair, doubts, loss } = item();
  stopEditing();
  const reasons = doubts.map((each) => ({ quality: `quality ${pair.quality ? pair.quality.score.toFixed(2) : ""}`, alignment: "panels not told apart", instruction: "text with an order to a reader", unread: "little of the text read", loss: `loss ${loss.toFixed(2)}` })[each]);
  $("item-head").replaceChildren(make("strong", {}, `${state.at + 1} of ${state.items.length}: ${nameOf(pair)}`), ` · ${pair.title || pair.name}, page ${pair.page} · doubted for ${reasons.join(", ")}`);
  $("crop").replaceChildren(make("img", { src: `${pair.image_url}?side=960`, alt: `${nameOf(pair)} as it was cut` }));
  $("text").value = pair.caption;
  $("reason").value = "good";
  notesOf(pair.pair_id);
  sheet();
  list();
}

function sheet() {
  const { page_url: address, box, pair } = item();
  const image = make("img", { src: address, alt: `Page ${pair.page} with the box`, draggable: "false" });
  state.box = null; // until its own page is there, so that no pair is ever given another's box
  image.addEventListener("error", () => {
    if (!image.isConnected) return;
    $("sheet").classList.remove("waiting");
    $("sheet").replaceChildren(make("p", { class: "none" }, "The page cannot be drawn."));
  });
  $("sheet").classList.add("waiting");
  image.addEventListener("load", () => {
    if (!image.isConnected) return; // the next pair came first
    $("sheet").classList.remove("waiting");
    state.box = box ? { ...box } : null;
    drawBox(image);
  });
  $("sheet").replaceChildren(image);
}

function drawBox(image = $("sheet").querySelector("img")) {
  if (!state.box || !image) return;
  const points = pointsWide(image);
  const region = { left: state.box.x0 / points.w, top: state.box.y0 / points.h, width: (state.box.x1 - state.box.x0) / points.w, height: (state.box.y1 - state.box.y0) / points.h };
  const existing = $("sheet").querySelector(".region");
  if (existing) place(existing, region); else $("sheet").append(outline(region));
}

function list() {
  $("queue").replaceChildren(...state.items.map(({ pair }, n) => {
    const tick = make("input", { type: "checkbox", "aria-label": `Select ${nameOf(pair)} of ${pair.title || pair.name}`, checked: state.picked.has(pair.pair_id),
      onchange: (event) => { if (event.target.checked) state.picked.add(pair.pair_id); else state.picked.delete(pair.pair_id); bulk(); } });
    return make("li", { class: state.done.get(pair.pair_id) || null, "aria-current": n === state.at ? "true" : null }, tick, make("span", {}, `${nameOf(pair)} · ${pair.title || pair.name}`));
  }));
  $("queue").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  bulk();
}

function bulk() {
  const act = (choice, name) => make("button", { type: "button", disabled: !state.picked.size, onclick: () => many(choice) }, `${name} ${state.picked.size}`);
  $("bulk").replaceChildren(make("button", { type: "button", onclick: () => { state.picked = new Set(state.items.filter(({ pair }) => !state.done.has(pair.pair_id)).map(({ pair }) => pair.pair_id)); list(); } }, "Select rest"),
    act("accept", "Accept"), act("reject", "Reject"));
}

async function send(entry, choice, extra = {}) {
  const decision = await ask("/v1/review/decisions", { pair_id: entry.pair.pair_id, choice, reason: reasonFor(choice), ...extra });
  state.history.push({ decision, pair: entry.pair.pair_id });
  state.done.set(entry.pair.pair_id, choice);
}

function reasonFor(choice) {
  const reason = $("reason").value;
  return choice === "reject" && reason === "good" ? "other" : reason;
}

async function guarded(work) {
  if (state.busy) return;
  state.busy = true;
  try { await work(); } catch (error) { sayRefused(error); } finally { state.busy = false; }
}

const decide = (wanted, given) => guarded(async () => {
  const dirty = changes();
  if (dirty && wanted === "reject") return say(UNSAVED, true);
  if (unsaid()) return say(UNSAID, true);
  const [choice, extra] = dirty && wanted === "accept" ? ["edit", dirty] : [wanted, given];
  await send(item(), choice, extra);
  say(`${{ accept: "Accepted", reject: "Rejected", edit: "Edited" }[choice]} ${nameOf(item().pair)}. ${left()}`);
  next();
  agreement();
});

const many = (choice) => guarded(async () => {
  if (changes()) return say(UNSAVED, true);
  if (unsaid()) return say(UNSAID, true);
  const picked = state.items.filter(({ pair }) => state.picked.has(pair.pair_id) && !state.done.has(pair.pair_id));
  for (const entry of picked) await send(entry, choice);
  state.picked.clear();
  say(`${picked.length} ${choice === "accept" ? "accepted" : "rejected"}. ${left()}`);
  next();
  agreement();
});

const undo = () => guarded(async () => {
  const last = state.history.pop();
  if (!last) return say("Nothing to undo here.");
  await ask("/v1/review/decisions", { pair_id: last.pair, choice: "undo", undoes: last.decision.decision_id });
  state.done.delete(last.pair);
  state.at = state.items.findIndex(({ pair }) => pair.pair_id === last.pair);
  say(`Taken back. ${left()}`);
  show();
  agreement();
});

const left = () => `${state.waiting - state.done.size} left to review${state.waiting > state.items.length ? `, the worst ${state.items.length} are here` : ""}.`;

function next() {
  const order = [...state.items.keys()].map((n) => (state.at + 1 + n) % state.items.length);
  const open = order.find((n) => !state.done.has(state.items[n].pair.pair_id));
  if (open === undefined) { show(); return say(state.waiting > state.items.length ? "These are done. Load the page again for the next." : "All done."); }
  state.at = open;
  show();
}

function editCaption() {
  state.editing = "caption";
  $("save").hidden = $("cancel").hidden = false;
  $("text").readOnly = false;
  $("text").focus();
  say("Edit the caption; Ctrl+Enter saves, Escape leaves it as it was.");
}

function editBox() {
  if (!item().figure_box || !state.box) return say("This pair has no box to edit.", true);
  state.editing = "box";
  $("save").hidden = $("cancel").hidden = false;
  $("sheet").classList.add("drawing");
  say("Arrows move the box, Shift+arrows resize it, or drag a new one; Ctrl+Enter saves, Escape leaves it as it was.");
}

function stopEditing() {
  state.editing = "";
  $("save").hidden = $("cancel").hidden = true;
  $("text").readOnly = true;
  $("text").blur();
  $("sheet").classList.remove("drawing");
}

function save() {
  const dirty = changes();
  if (dirty) return decide("edit", dirty);
  stopEditing();
  return say("Nothing was changed.");
}

function nudge(key, resize) {
  const limit = item().figure_box;
  const step = 4;
  const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[key];
  const box = state.box;
  if (!resize) { box.x0 = Math.max(limit.x0, box.x0 + dx); box.y0 = Math.max(limit.y0, box.y0 + dy); }
  box.x1 = Math.min(limit.x1, Math.max(box.x0 + 8, box.x1 + dx));
  box.y1 = Math.min(limit.y1, Math.max(box.y0 + 8, box.y1 + dy));
  drawBox();
}

function clamp(value, low, high) { return Math.min(high, Math.max(low, value)); }

function drag() {
  let start = null;
  const point = (event) => {
    const image = $("sheet").querySelector("img");
    const frame = image.getBoundingClientRect();
    const points = pointsWide(image);
    const limit = item().figure_box;
    return [clamp(((event.clientX - frame.left) / frame.width) * points.w, limit.x0, limit.x1), clamp(((event.clientY - frame.top) / frame.height) * points.h, limit.y0, limit.y1)];
  };
  $("sheet").addEventListener("pointerdown", (event) => { if (state.editing === "box") { start = point(event); event.preventDefault(); } });
  $("sheet").addEventListener("pointermove", (event) => {
    if (!start) return;
    const [x, y] = point(event);
    state.box = { x0: Math.min(x, start[0]), y0: Math.min(y, start[1]), x1: Math.max(x, start[0]), y1: Math.max(y, start[1]) };
    drawBox();
  });
  window.addEventListener("pointerup", () => { start = null; });
}

async function agreement() {
  const found = await ask("/v1/review/decisions");
  const rows = found.agreement.map((each) => make("tr", {}, make("td", {}, `${each.first}, ${each.second}`), make("td", {}, `${each.agreed}/${each.pairs}`), make("td", {}, each.kappa === null ? "-" : each.kappa.toFixed(2))));
  $("agreement").replaceChildren(rows.length
    ? make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Readers"), make("th", { scope: "col" }, "Agreed"), make("th", { scope: "col" }, "Kappa"))), make("tbody", {}, ...rows))
    : make("p", { class: "hint" }, "No pair has been read by two reviewers yet."));
}

const actions = { a: () => decide("accept"), r: () => decide("reject"), c: editCaption, b: editBox, u: unlessChanged(undo), n: unlessChanged(next) };

window.addEventListener("keydown", (event) => {
  if (!state.items.length || document.querySelector("dialog[open]")) return;
  if (state.editing && event.key === "Escape") { event.preventDefault(); return show(); }
  if (state.editing && event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); return save(); }
  if (state.editing === "box" && event.key.startsWith("Arrow")) { event.preventDefault(); return nudge(event.key, event.shiftKey); }
  if (state.editing || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, textarea, input[type=password]")) return;
  const reason = REASONS[Number(event.key) - 1];
  if (reason) { $("reason").value = reason[0]; return say(`Reason: ${reason[1]}.`); }
  if (actions[event.key]) { event.preventDefault(); actions[event.key](); }
});

$("reason").append(...REASONS.map(([value, name], n) => make("option", { value }, `${n + 1}  ${name}`)));
$("keys").append(...KEYS.map(([key, name, look]) => make("button", { type: "button", class: look || null, onclick: () => actions[key]() }, name, make("kbd", {}, key.toUpperCase()))));
$("save").addEventListener("click", save);
$("cancel").addEventListener("click", show);
window.addEventListener("beforeunload", (event) => { if (changes() || unsaid()) event.preventDefault(); });
for (const id of ["doubt", "whose"]) $(id).addEventListener("change", unlessChanged(() => load().catch(sayRefused)));
drag();
dress("/review").then((me) => {
  if (me && me.name !== "anonymous" && me.role !== "viewer") {
    $("progress").hidden = false;
    const stewards = me.role === "reviewer" ? [] : [disputes(me).catch(sayRefused)];
    return Promise.all([load().catch(sayRefused), progress(me).catch(sayRefused), loadStudies().catch(sayRefused), ...stewards]);
  }
  return say("Reviewing takes a reviewer's token: sign in at the top right.", true);
});
