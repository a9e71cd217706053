// One figure: its panels, its caption, where it was read from, what is like it.
import { $, ask, captionOf, card, dress, foot, make, nameOf, outline, say, sayRefused, shot, tagsOf } from "./common.js";
import { pointsWide } from "./page.js";
import { reportButton } from "./report.js";
import { drawRegion } from "./region.js";
import { zoom } from "./zoom.js";

const id = location.pathname.split("/").pop();

async function load() {
  const figure = await ask(`/v1/figures/${id}`);
  document.title = `${figure.label} ${figure.facts.title.value || figure.name} - journalclip`;
  $("title").textContent = `${figure.label.replace(/[.:\s]+$/, "")} - ${figure.facts.title.value || figure.name}`;
  $("cite").append(...citation(figure));
  stage(figure, location.hash.slice(1));
  looks(figure);
  $("caption").textContent = figure.caption;
  $("panels").replaceChildren(...figure.pairs.map((pair) => panel(figure, pair)));
  facts(figure);
  mentions(figure);
  page(figure);
  $("walk").addEventListener("toggle", walk, { once: true });
  say("");
  $("figure").hidden = false;
  const chosen = figure.pairs.find((pair) => pair.pair_id === location.hash.slice(1)) || figure.pairs[0];
  const similar = await ask("/v1/search", { like: chosen.pair_id, k: 8 });
  $("similar").replaceChildren(...similar.hits.map((hit) => card(hit)));
  foot(similar.served, similar.pairs);
}

function citation(figure) {
  const pair = figure.pairs[0];
  const doi = figure.facts.doi.value;
  return [`${pair.cite} `, doi ? make("a", { href: `https://doi.org/${doi}`, rel: "noreferrer" }, "Open the article") : "", " ",
    make("button", { type: "button", onclick: (event) => navigator.clipboard.writeText(pair.cite).then(() => { event.target.textContent = "Copied"; }) }, "Copy citation")];
}

function stage(figure, chosen) {
  const regions = Object.entries(figure.regions).map(([pair, region]) => [region, pair !== chosen]);
  $("stage").replaceChildren(shot(`${figure.image_url}?side=960`, `${figure.label} ${figure.caption.slice(0, 200)}`, regions, true));
}

function looks(figure) {
  const alt = `${figure.label} ${figure.caption.slice(0, 200)}`;
  const large = make("button", { type: "button", "aria-pressed": "false", onclick: () => {
    const on = large.getAttribute("aria-pressed") === "false";
    large.setAttribute("aria-pressed", String(on));
    if (on) $("stage").replaceChildren(zoom(figure.image_url, alt)); else stage(figure, location.hash.slice(1));
  } }, "Full resolution");
  const region = make("button", { type: "button", onclick: () => {
    large.setAttribute("aria-pressed", "false");
    stage(figure, location.hash.slice(1));
    say("Draw around the part to search by; Escape leaves.");
    drawRegion($("stage").querySelector(".frame"), (found) => {
      say("");
      if (found) location.assign(`/?region=${figure.figure_id},${found.join(",")}`);
    });
  } }, "Search by a region");
  $("looks").replaceChildren(large, region);
}

function panel(figure, pair) {
  const light = () => { if (!$("stage").querySelector(".zoom, .drawing-layer")) stage(figure, pair.pair_id); };
  return make("li", { class: "panel", id: pair.pair_id, onmouseenter: light, onfocusin: light },
    make("div", { class: "row" }, make("strong", {}, nameOf(pair)), ` · ${pair.modality} · picture and caption agree ${pair.score.toFixed(3)}`),
    captionOf(pair), tagsOf(pair, 30), make("p", { class: "hint" }, make("a", { href: `/?like=${pair.pair_id}` }, "Search for similar"), ` · ${pair.pair_id} · `, reportButton(pair)));
}

function facts(figure) {
  const sourced = (fact) => (fact.value ? [fact.value, fact.where ? make("span", { class: "where" }, ` (${fact.where})`) : ""] : ["not found"]);
  const rows = [
    ["Article", sourced(figure.facts.title)], ["Journal", sourced(figure.facts.journal)], ["Year", sourced(figure.facts.year)],
    ["DOI", sourced(figure.facts.doi)], ["Licence", [figure.licence]], ["File", [figure.name]], ["Page", [`${figure.page} of ${figure.pages}`]],
    ["Box", [figure.box ? `${["x0", "y0", "x1", "y1"].map((side) => figure.box[side].toFixed(0)).join(", ")} points` : "unknown"]],
    ["PDF digest", [make("code", {}, figure.pdf_sha256)]], ["Drawn as", [figure.kind]],
    ["Quality", [figure.quality ? `${figure.quality.usefulness} (${figure.quality.score.toFixed(2)}) by ${figure.quality.by}` : "not judged"]],
    ["Read by", [figure.extractor]], ["Structured by", [figure.structurer]], ["Model", [`version ${figure.served.version}, ${figure.served.model_id}`]],
    ["Data set", [figure.served.dataset_id]],
  ];
  $("facts").replaceChildren(...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, ...value)]));
}

function mentions(figure) {
  $("mentions").hidden = !figure.mentions.length;
  $("mentions").lastElementChild.replaceChildren(...figure.mentions.map((each) => make("p", {}, `p. ${each.page}: ${each.text}`)));
}

function page(figure) {
  const box = $("page");
  const image = make("img", { src: figure.page_url, alt: `Page ${figure.page} of ${figure.name}` });
  box.classList.add("waiting");
  image.addEventListener("error", () => box.classList.remove("waiting") ?? box.replaceChildren(make("p", { class: "none" }, "The page cannot be drawn.")));
  image.addEventListener("load", () => {
    box.classList.remove("waiting");
    if (!figure.box) return;
    const points = pointsWide(image);
    const { x0, y0, x1, y1 } = figure.box;
    box.append(outline({ left: x0 / points.w, top: y0 / points.h, width: (x1 - x0) / points.w, height: (y1 - y0) / points.h }));
  });
  box.replaceChildren(image);
}

async function walk() {
  try { $("walk").lastElementChild.replaceChildren(tree(await ask(`/v1/explain/${id}`))); }
  catch (error) { $("walk").lastElementChild.textContent = error.message; }
}

function tree(value) {
  if (value === null || typeof value !== "object") return document.createTextNode(String(value));
  return make("ul", {}, ...Object.entries(value).filter(([, inner]) => inner !== null && inner !== "" && !(Array.isArray(inner) && !inner.length))
    .map(([key, inner]) => make("li", {}, make("span", { class: "key" }, `${key}: `), tree(inner))));
}

dress("");
load().catch(sayRefused);
