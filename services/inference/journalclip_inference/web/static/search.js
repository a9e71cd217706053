// Search by words, by a picture, or by both. What can be written into the address is, so that a link brings the answer back.
import { $, ask, cards, dress, foot, make, say, sayRefused } from "./common.js";
import { FacetList, tell } from "./facets.js";
import { NoPicture, asked, base64, isPicture, keep } from "./pictures.js";
import { list as listSaved, saveSearch } from "./saved.js";
import { pick, picked, show as showSelection } from "./selection.js";

const FACETS = ["modality", "finding", "anatomy", "side", "sequence", "plane", "stage", "article_type", "journal", "year", "licence", "quality"];
const PICTURES = ["image", "region", "picture"]; // what in an address names a picture
const state = { image: null, picture: "", k: 24, next: null, hits: [] };
const facets = new FacetList($("facets"), FACETS, (params) => go(params), () => run({ keep: true }));
const select = { picked, pick };
let latest = 0;

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
  try { await picture(params); } catch (error) {
    if (!(error instanceof NoPicture)) throw error;
    $("results").replaceChildren();
    return say(error.message, true);
  }
  const wanted = request(params);
  const query = wanted.text || wanted.image || wanted.like;
  for (const [id, hidden] of [["mode", !query], ["compare", !query], ["sort", query]]) $(id).closest("label").hidden = Boolean(hidden);
  if (!query) return browse();
  const mine = ++latest;
  say("Searching…");
  try {
    const started = performance.now();
    const answer = await ask("/v1/search", wanted);
    if (mine === latest) show(answer, wanted, performance.now() - started);
  } catch (error) { sayRefused(error); }
}

// Without a query: the collection page by page; what was shown stays, also where the index changes in between.
async function browse(after = null) {
  const mine = ++latest;
  tell({});
  say(after ? "Loading more…" : "Loading…");
  try {
    const answer = await ask("/v1/browse", { filters: facets.chosen(), sort: $("sort").value, k: 24, cursor: after });
    if (mine !== latest) return;
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
  $("link").hidden = parameters().has("image"); // a picture of one's own is in this browser alone
  $("link").textContent = "Copy link";
  facets.show(answer.facets);
  foot(answer.served, answer.pairs);
}

function go(params) {
  history.pushState(null, "", params.size ? `?${params}` : "/");
  run();
}

// A picture of one's own: kept in this browser, so that Back and this browser's links bring it again.
async function usePicture(file) {
  if (!file || !file.type.startsWith("image/")) return say("That is not a picture.", true);
  try { go(withPicture("image", await keep(file))); } catch { say("This browser keeps no picture here (private window?).", true); }
}

function withPicture(name, value) {
  const params = parameters();
  for (const each of ["like", ...PICTURES]) params.delete(each);
  params.set(name, value);
  return params;
}

// The picture that the address asks for, once for each address.
async function picture(params) {
  const key = PICTURES.map((name) => params.get(name)).find(Boolean) || "";
  if (key === state.picture) return;
  Object.assign(state, { picture: key, image: null });
  $("picture").hidden = true;
  const found = await asked(params);
  if (!found || key !== state.picture) return;
  state.image = await base64(found.blob);
  $("picture").hidden = false;
  $("picture").replaceChildren(make("img", { src: URL.createObjectURL(found.blob), alt: "The picture searched by" }),
    make("span", {}, found.figure ? make("a", { href: `/figures/${found.figure}` }, found.name) : found.name), make("button", { type: "button", onclick: dropPicture }, "Remove"));
}

function dropPicture() {
  $("file").value = "";
  const params = parameters();
  for (const each of PICTURES) params.delete(each);
  go(params);
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (isPicture($("q").value.trim())) {
    const params = withPicture("picture", $("q").value.trim());
    params.delete("q");
    return go(params);
  }
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
$("save-search").addEventListener("click", () => {
  const [text, filters] = [parameters().get("q") || "", facets.chosen()];
  if (!text && !Object.values(filters).some((values) => values.length)) return say("Type words or choose filters first: that is what a saved search keeps.", true);
  return saveSearch(text, filters);
});
window.addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
  if (file) { event.preventDefault(); usePicture(file); }
});
window.addEventListener("popstate", () => run());
for (const name of ["dragenter", "dragover"]) window.addEventListener(name, (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
window.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
window.addEventListener("drop", (event) => { event.preventDefault(); document.body.classList.remove("dropping"); usePicture(event.dataTransfer.files[0]); });
dress("/");
showSelection();
listSaved();
run();
