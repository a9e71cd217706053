// Search by words, by a picture, or by both. What can be written into the address is, so that a link brings the answer back.
import { $, ask, cards, dress, foot, make, say, sayRefused } from "./common.js";
import { FacetList, tell } from "./facets.js";
import { pick, picked, show as showSelection } from "./selection.js";

const FACETS = ["modality", "finding", "anatomy", "side", "sequence", "plane", "stage", "article_type", "journal", "year", "licence", "quality"];
const state = { image: null, k: 24, next: null, hits: [] };
const facets = new FacetList($("facets"), FACETS, (params) => go(params), () => run({ keep: true }));
const select = { picked, pick };
let asked = 0;

function parameters() {
  return new URLSearchParams(location.search);
}

function request(params) {
  const wanted = { k: state.k, filters: facets.chosen() };
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
  $("sort").value = params.get("sort") || "newest";
  const wanted = request(params);
  const query = wanted.text || wanted.image || wanted.like;
  for (const [id, hidden] of [["mode", !query], ["compare", !query], ["sort", query]]) $(id).closest("label").hidden = Boolean(hidden);
  if (!query) return browse();
  const mine = ++asked;
  say("Searching…");
  try {
    const started = performance.now();
    const answer = await ask("/v1/search", wanted);
    if (mine === asked) show(answer, wanted, performance.now() - started);
  } catch (error) { sayRefused(error); }
}

// Without a query: the collection page by page; what was shown stays, also where the index changes in between.
async function browse(after = null) {
  const mine = ++asked;
  tell({});
  say(after ? "Loading more…" : "Loading…");
  try {
    const answer = await ask("/v1/browse", { filters: facets.chosen(), sort: $("sort").value, k: 24, cursor: after });
    if (mine !== asked) return;
    state.hits = after ? [...state.hits, ...answer.hits] : answer.hits;
    state.next = answer.next;
    $("results").replaceChildren(...cards(state.hits, { score: null, select }));
    say(answer.total ? `${state.hits.length} of ${answer.total} pairs. Type what a figure shows, or drop a picture, to search.` : "Nothing passes these filters. Take one away.");
    $("more").hidden = !answer.next;
    $("link").hidden = false;
    $("link").textContent = "Copy link";
    facets.show(answer.facets);
    foot(answer.served, answer.pairs);
  } catch (error) { sayRefused(error); }
}

function show(answer, wanted, ms) {
  state.next = null;
  $("results").replaceChildren(...cards(answer.hits, { select }));
  tell(answer);
  const what = wanted.like ? "Similar figures" : wanted.image ? (wanted.text ? "By words and picture" : "By picture") : "By words";
  const count = answer.hits.length === 1 ? "1" : `${answer.hits.length}`;
  const nothing = answer.notice || "Nothing passes these filters. Take one away.";
  say(answer.hits.length ? `${what}: the best ${count} of ${answer.pairs} pairs, ${Math.round(ms)} ms.` : nothing);
  $("more").hidden = answer.hits.length < state.k || state.k >= 192;
  $("link").hidden = Boolean(wanted.image); // a picture cannot be written into a link
  $("link").textContent = "Copy link";
  facets.show(answer.facets);
  foot(answer.served, answer.pairs);
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
$("sort").addEventListener("change", () => {
  const params = parameters();
  if ($("sort").value === "newest") params.delete("sort"); else params.set("sort", $("sort").value);
  go(params);
});
$("more").addEventListener("click", () => { if (state.next) return browse(state.next); state.k = Math.min(192, state.k + 24); run({ keep: true }); });
$("link").addEventListener("click", async () => { await navigator.clipboard.writeText(location.href); $("link").textContent = "Link copied"; });
window.addEventListener("popstate", () => run());
for (const name of ["dragenter", "dragover"]) window.addEventListener(name, (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
window.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
window.addEventListener("drop", (event) => { event.preventDefault(); document.body.classList.remove("dropping"); usePicture(event.dataTransfer.files[0]); });
dress("/");
showSelection();
run();
