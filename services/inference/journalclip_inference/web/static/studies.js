// Search the archive by words, or drop a study: its planes, how it compares with findings, its likes, published figures.
import { $, Refused, ask, captionOf, cards, dress, make, say, sayRefused, signIn, whyOf } from "./common.js";
import { FacetList, tell } from "./facets.js";
import { Volume, planesOf } from "./planes.js";

const FACETS = ["finding", "site", "side", "sequence", "result"];
const facets = new FacetList($("facets"), FACETS, (params) => go(params), () => run());
let answer = null;

function go(params) {
  history.pushState(null, "", params.size ? `?${params}` : "/studies");
  attempt(run());
}

async function run() {
  const params = new URLSearchParams(location.search);
  const [text, like] = [params.get("q"), params.get("like")];
  $("q").value = text || "";
  $("found").hidden = !(text || like);
  tell({});
  if (!(text || like)) return;
  say("Searching…");
  const wanted = { k: 24, filters: facets.chosen(), ...(like ? { like } : { text }) };
  const found = await ask("/v1/studies/search", wanted);
  tell(found);
  say(`${like ? "Studies like this one" : "By words"}: the best ${found.hits.length} of ${found.studies} studies.`);
  $("look").hidden = true;
  $("hits").replaceChildren(...found.hits.map(foundHit));
  facets.show(found.facets);
  $("foot").textContent = `Study model version ${found.version} (${found.model_id}). Words are scored by the share that a record says, looks by cosines of embeddings. For research and reading, not for diagnosis.`;
}

function foundHit(study) {
  const scores = Object.entries(study.sequence_scores).map(([name, score]) => `${name} ${score.toFixed(2)}`).join(", ");
  const said = captionOf({ caption: study.text || "The record says nothing.", reasons: study.reasons, matched: [], record: {} });
  const score = study.share === null ? `looks ${study.score.toFixed(3)}` : `words ${Math.round(100 * study.share)} %`;
  return make("li", { class: "study-hit", "data-study": study.study_id },
    make("div", { class: "row" }, make("code", {}, study.study_id), make("span", { class: "score" }, score)),
    make("p", { class: "source" }, `${study.patient} · ${study.sequences.join(", ")}`), said, whyOf(study),
    scores ? make("p", { class: "why" }, `Looks by sequence: ${scores}`) : null,
    make("div", { class: "acts" }, make("button", { type: "button", onclick: () => attempt(look(study)) }, "Look at it"),
      make("a", { href: `/studies?like=${study.study_id}` }, "Similar")));
}

async function look(study) {
  $("look").hidden = false;
  $("look-title").textContent = `Study ${study.study_id}`;
  const buttons = study.sequences.map((name) => make("button", { type: "button", "aria-pressed": "false",
    onclick: (event) => attempt(lookAt(study, name, event.currentTarget)) }, name));
  $("look-sequences").replaceChildren(...buttons);
  await lookAt(study, study.sequences[0], buttons[0]);
  $("look-title").focus();
}

async function lookAt(study, sequence, button) {
  for (const other of $("look-sequences").children) other.setAttribute("aria-pressed", other === button ? "true" : "false");
  const got = await fetch(`/v1/studies/${study.study_id}/volumes/${sequence}`);
  if (!got.ok) throw new Refused(got.status, await got.json().catch(() => ({})));
  const shape = got.headers.get("X-Shape").split(",").map(Number);
  const spacing = (got.headers.get("X-Spacing") || "1,1,1").split(",").map(Number);
  const volume = new Volume(new Uint8Array(await got.arrayBuffer()), shape, spacing);
  planesOf($("look-planes"), volume, shape[0] >> 1, (z, y, x) => {
    $("look-where").textContent = `${sequence}: slice ${z + 1} of ${shape[0]}, row ${y + 1}, column ${x + 1}.`;
  });
}

async function send(files) {
  if (!files.length) return;
  const body = new FormData();
  for (const file of files) body.append("files", file, file.webkitRelativePath || file.name);
  body.append("findings", $("findings").value);
  say(`Reading ${files.length} file${files.length > 1 ? "s" : ""}…`);
  $("answer").hidden = true;
  const got = await fetch("/v1/studies/query", { method: "POST", body });
  const found = await got.json().catch(() => ({}));
  if (!got.ok) throw new Refused(got.status, found);
  answer = found;
  await show();
}

async function show() {
  $("answer").hidden = false;
  say(`${answer.series.length} sequences read; compared with ${answer.studies} studies of the archive.`);
  $("sequences").replaceChildren(...answer.series.map((series, n) => make("button", {
    type: "button", "aria-pressed": n === 0 ? "true" : "false", title: `${series.by}; confidence ${series.confidence}`,
    onclick: (event) => view(series, event.currentTarget),
  }, `${series.sequence} (${Math.round(100 * series.weight)} %)`)));
  $("heat").replaceChildren(make("img", { src: answer.findings.picture_url, alt: heatText(), class: "heat" }));
  $("similar").replaceChildren(...answer.similar.map(hit));
  $("figures").replaceChildren(...cards(answer.figures));
  $("figures-note").textContent = answer.figures.length
    ? "Nearest to the slice that weighed most in this study." : answer.figures_problem || "None.";
  $("done").replaceChildren(done());
  $("foot").textContent = `Study model version ${answer.version} (${answer.model_id}). Scores are cosines of embeddings.`;
  const first = answer.series.reduce((a, b) => (b.weight > a.weight ? b : a));
  await view(first, $("sequences").children[answer.series.indexOf(first)]);
  $("answer").focus();
}

async function view(series, button) {
  for (const other of $("sequences").children) other.setAttribute("aria-pressed", other === button ? "true" : "false");
  const got = await fetch(`/v1/studies/query/${answer.query_id}/volumes/${series.sequence}`);
  if (!got.ok) throw new Refused(got.status, await got.json().catch(() => ({})));
  const shape = got.headers.get("X-Shape").split(",").map(Number);
  const volume = new Volume(new Uint8Array(await got.arrayBuffer()), shape, answer.spacing);
  planesOf($("planes"), volume, series.key_slice, (z, y, x) => {
    $("where").textContent = `${series.sequence}: slice ${z + 1} of ${shape[0]}, row ${y + 1}, column ${x + 1}. `
      + "Click or drag in a plane, or use the sliders. The patient's right is on the left.";
  });
}

function heatText() {
  const { findings, sequences, cosines } = answer.findings;
  const rows = findings.map((finding, f) => `${finding}: ${sequences.map((s, n) => `${s} ${cosines[f][n].toFixed(2)}`).join(", ")}`);
  return `Similarity of each sequence to candidate findings. ${rows.join("; ")}`;
}

function hit(study) {
  const said = Object.entries(study.descriptions).map(([, text]) => make("li", {}, text));
  return make("li", { class: "study-hit", "data-study": study.study_id },
    make("div", { class: "row" }, make("code", {}, study.study_id), make("span", { class: "score" }, `score ${study.score.toFixed(3)}`)),
    make("p", { class: "source" }, `${study.patient} · ${study.sequences.join(", ")}`), make("ul", {}, ...said));
}

function done() {
  const { deid, left_out: left } = answer;
  const count = Object.entries(deid.removed).map(([kind, n]) => `${n} ${kind}`).join(", ") || "no header";
  const items = [
    `Header elements removed: ${count}.`,
    `Face: ${deid.face === "removed" ? "cut off" : deid.face}. Series left out for text in the picture: ${deid.burned_in_series}.`,
    ...answer.series.map((series) => `${series.sequence}: confidence ${series.confidence}, by ${series.by}.`),
    ...left.map((each) => `Left out (${each.count}): ${each.reason} [${each.code}].`),
  ];
  return make("ul", {}, ...items.map((text) => make("li", {}, text)));
}

function attempt(work) {
  work.catch((error) => { if (error.status === 401) signIn(error.message); sayRefused(error); });
}

document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => { event.preventDefault(); attempt(send([...event.dataTransfer.files])); });
$("files").addEventListener("change", (event) => attempt(send([...event.target.files])));
$("form").addEventListener("submit", (event) => event.preventDefault());
$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const params = new URLSearchParams(location.search);
  params.delete("like");
  if ($("q").value.trim()) params.set("q", $("q").value.trim()); else params.delete("q");
  go(params);
});
window.addEventListener("popstate", () => attempt(run()));
await dress("/studies");
attempt(run());
