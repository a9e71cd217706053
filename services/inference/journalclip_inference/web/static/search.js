// Search by words, by a picture, or by both. What can be written into the address is, so that a link brings the answer back.
import { $, ask, card, dress, foot, make, say, sayRefused } from "./common.js";

const FACETS = ["modality", "anatomy", "journal", "year", "licence"];
const SHORT = 7; // values of a facet shown before "more"
const state = { image: null, k: 24, open: new Set() };
let asked = 0;

function parameters() {
  return new URLSearchParams(location.search);
}

function request(params) {
  const filters = Object.fromEntries(FACETS.map((facet) => [facet, params.getAll(facet)]));
  const wanted = { k: state.k, filters };
  if (params.get("like")) return { ...wanted, like: params.get("like") };
  if (params.get("q")) wanted.text = params.get("q");
  if (state.image) wanted.image = state.image;
  if (params.get("compare") === "caption") wanted.compare = "caption";
  if (["words", "looks"].includes(params.get("mode"))) wanted.mode = params.get("mode");
  return wanted;
}

async function run({ keep = false } = {}) {
  const params = parameters();
  if (!keep) state.k = 24;
  $("q").value = params.get("q") || "";
  $("compare").value = params.get("compare") || "image";
  $("mode").value = params.get("mode") || "best";
  const wanted = request(params);
  if (!wanted.text && !wanted.image && !wanted.like) return welcome();
  const mine = ++asked;
  say("Searching…");
  try {
    const started = performance.now();
    const answer = await ask("/v1/search", wanted);
    if (mine === asked) show(answer, wanted, performance.now() - started);
  } catch (error) { sayRefused(error); }
}

function welcome() {
  $("results").replaceChildren();
  $("more").hidden = true;
  $("link").hidden = true;
  tell({});
  say("Type what a figure shows, or drop a picture.");
}

// What the server has to say about the query: that no caption says it, and how it was read.
function tell({ notice = null, corrections = [], expansions = [], unknown = [], cut = false, picture = null }) {
  $("notice").hidden = !notice;
  $("notice").textContent = notice || "";
  const said = [
    ...corrections.map((each) => `Searched for “${each.read_as}” instead of “${each.typed}”.`),
    ...expansions.map((each) => `“${each.said}” is searched for as ${each.means}, by all its names.`),
    cut ? "The model read only the beginning of the text; its words were all searched for." : "",
    picture ? `Of your picture, ${picture}.` : "",
    unknown.length ? `Nothing here says ${unknown.map((each) => `“${each}”`).join(", ")}.` : "",
  ].filter(Boolean);
  $("told").hidden = !said.length;
  $("told").textContent = said.join(" ");
}

function show(answer, wanted, ms) {
  $("results").replaceChildren(...answer.hits.map((hit) => card(hit)));
  tell(answer);
  const what = wanted.like ? "Similar figures" : wanted.image ? (wanted.text ? "By words and picture" : "By picture") : "By words";
  const count = answer.hits.length === 1 ? "1 figure" : `${answer.hits.length} figures`;
  const nothing = answer.notice || "Nothing passes these filters. Take one away.";
  say(answer.hits.length ? `${what}: the best ${count} of ${answer.pairs} pairs, ${Math.round(ms)} ms.` : nothing);
  $("more").hidden = answer.hits.length < state.k || state.k >= 192;
  $("link").hidden = Boolean(wanted.image); // a picture cannot be written into a link
  $("link").textContent = "Copy link";
  facets(answer.facets);
  foot(answer.served, answer.pairs);
}

function facets(found) {
  const params = parameters();
  const focus = document.activeElement?.id;
  $("facets").replaceChildren(...FACETS.map((facet) => fieldset(facet, found[facet] || {}, new Set(params.getAll(facet)))).filter(Boolean));
  if (focus) document.getElementById(focus)?.focus();
}

function fieldset(facet, counts, chosen) {
  const values = Object.entries(counts).filter(([value, count]) => count > 0 || chosen.has(value));
  if (!values.length) return null;
  values.sort((a, b) => chosen.has(b[0]) - chosen.has(a[0]) || (facet === "year" ? b[0].localeCompare(a[0]) : b[1] - a[1]));
  const shown = state.open.has(facet) ? values : values.slice(0, SHORT);
  const rows = shown.map(([value, count]) => {
    const id = `${facet}-${value.replace(/\W+/g, "_")}`;
    return make("label", { class: count ? "value" : "value none", for: id },
      make("input", { type: "checkbox", id, checked: chosen.has(value), onchange: (event) => choose(facet, value, event.target.checked) }),
      make("span", {}, value), make("span", { class: "count", "aria-label": `${count} pairs` }, String(count)));
  });
  const more = values.length > shown.length
    ? make("button", { type: "button", class: "facet-more", onclick: () => { state.open.add(facet); run({ keep: true }); } }, `${values.length - shown.length} more`) : null;
  return make("fieldset", {}, make("legend", {}, facet), ...rows, more);
}

function choose(facet, value, on) {
  const params = parameters();
  const rest = params.getAll(facet).filter((each) => each !== value);
  params.delete(facet);
  for (const each of on ? [...rest, value] : rest) params.append(facet, each);
  go(params);
}

function go(params) {
  history.pushState(null, "", params.size ? `?${params}` : "/");
  run();
}

async function usePicture(file) {
  if (!file || !file.type.startsWith("image/")) return say("That is not a picture.", true);
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (let at = 0; at < bytes.length; at += 32768) binary += String.fromCharCode(...bytes.subarray(at, at + 32768));
  state.image = btoa(binary);
  const address = URL.createObjectURL(file);
  $("picture").hidden = false;
  $("picture").replaceChildren(make("img", { src: address, alt: "The picture searched by" }), make("span", {}, file.name),
    make("button", { type: "button", onclick: dropPicture }, "Remove"));
  const params = parameters();
  params.delete("like");
  go(params);
}

function dropPicture() {
  state.image = null;
  $("picture").hidden = true;
  $("file").value = "";
  run();
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const params = parameters();
  params.delete("like");
  if ($("q").value.trim()) params.set("q", $("q").value.trim()); else params.delete("q");
  go(params);
});
$("file").addEventListener("change", () => usePicture($("file").files[0]));
$("compare").addEventListener("change", () => {
  const params = parameters();
  if ($("compare").value === "caption") params.set("compare", "caption"); else params.delete("compare");
  go(params);
});
$("mode").addEventListener("change", () => {
  const params = parameters();
  if ($("mode").value === "best") params.delete("mode"); else params.set("mode", $("mode").value);
  go(params);
});
$("more").addEventListener("click", () => { state.k = Math.min(192, state.k + 24); run({ keep: true }); });
$("link").addEventListener("click", async () => { await navigator.clipboard.writeText(location.href); $("link").textContent = "Link copied"; });
window.addEventListener("popstate", () => run());
for (const name of ["dragenter", "dragover"]) window.addEventListener(name, (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
window.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
window.addEventListener("drop", (event) => { event.preventDefault(); document.body.classList.remove("dropping"); usePicture(event.dataTransfer.files[0]); });
dress("/");
run();
