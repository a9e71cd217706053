// What every page shares: asking the server, the header, cards of hits. Text from articles only ever becomes text nodes.

export class Refused extends Error {
  constructor(status, body) {
    super(body.reason || `The server answered ${status}.`);
    this.status = status;
    this.code = body.code;
    this.remedy = body.remedy;
  }
}

export async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, options).catch(() => { throw new Refused(0, unreachable(path, body)); });
  if (answer.status === 204) return null;
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, found);
  return found;
}

// Only what would have been kept can be lost: a search that fails has saved nothing and need not say so.
function unreachable(path, body) {
  const saves = body !== undefined && path.startsWith("/v1/review/");
  return { code: "unreachable", reason: saves ? "Nothing was saved: the server cannot be reached" : "The server cannot be reached",
    remedy: "Try again; what you typed is still here." };
}

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const $ = (id) => document.getElementById(id);

export function say(text, problem = false) {
  const status = $("status");
  status.textContent = text;
  status.classList.toggle("problem", problem);
}

export function sayRefused(error) {
  if (!(error instanceof Refused)) throw error;
  if (error.status === 401) signIn(error.message);
  say([error.message, error.remedy].filter(Boolean).join(". "), true);
}

// The header, and who is signed in.
export async function dress(here) {
  const link = (path, name) => make("a", { href: path, "aria-current": path === here ? "page" : null }, name);
  const who = make("div", { class: "who" });
  $("top").append(make("div", { class: "inner" },
    make("a", { class: "name", href: "/" }, make("img", { src: "/static/icon.svg", alt: "" }), "journalclip"),
    make("nav", { "aria-label": "Pages" }, link("/", "Search"), link("/studies", "Studies"), link("/map", "Map"), link("/review", "Review"), link("/api", "API")), who));
  let me = null;
  try { me = await ask("/v1/me"); } catch (error) { if (!(error instanceof Refused)) throw error; }
  if (["steward", "admin"].includes(me?.role)) $("top").querySelector("nav").append(link("/operate", "Operate"));
  if (me && me.name !== "anonymous") {
    who.append(`${me.name} (${me.role})`, make("button", { type: "button", onclick: async () => { const { issuer } = await ask("/v1/logout", {}); if (issuer) location.assign(issuer); else location.reload(); } }, "Sign out"));
  } else {
    who.append(make("button", { type: "button", onclick: () => signIn() }, "Sign in"));
  }
  const refused = new URLSearchParams(location.hash.slice(1)).get("sign-in");
  if (refused) {
    history.replaceState(null, "", location.pathname + location.search);
    signIn(REFUSED_BY_ISSUER[refused] || REFUSED_BY_ISSUER["token-refused"]);
  }
  return me;
}

// The address only carries a code, so that a link cannot put words into our mouth.
const REFUSED_BY_ISSUER = {
  "token-refused": "Signing in did not succeed. Try again.",
  "sign-in-refused": "Signing in was broken off.",
  "role-missing": "You are known, but have no role here yet. Ask an administrator for one.",
};

export function signIn(why = "") {
  document.querySelector("dialog")?.remove();
  const token = make("input", { type: "password", id: "token", autocomplete: "off", required: true });
  const note = make("p", { role: "alert", class: "problem" }, why);
  const dialog = make("dialog", { "aria-labelledby": "sign-in" });
  const form = make("form", { method: "dialog", onsubmit: async (event) => {
    event.preventDefault();
    try { await ask("/v1/login", { token: token.value }); location.reload(); }
    catch (error) { if (!(error instanceof Refused)) throw error; note.textContent = error.message; }
  } }, make("h2", { id: "sign-in" }, "Sign in"), make("label", { for: "token" }, "Your token"), token, note,
    make("div", { class: "bar" }, make("button", { class: "primary", type: "submit" }, "Sign in"),
      make("button", { type: "button", onclick: () => dialog.close() }, "Cancel")),
    make("p", { class: "hint" }, "An administrator makes one with: journalclip tokens add NAME --role reviewer"));
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  ask("/v1/login").then(({ issuer }) => {
    if (!issuer) return;
    const then = encodeURIComponent(location.pathname + location.search);
    form.querySelector("h2").after(make("p", {}, make("a", { class: "pick primary", href: `/v1/login/issuer?then=${then}` }, `Sign in at ${issuer}`)));
  }, () => {});  // the token's way stays
}

export function foot(served, pairs) {
  $("foot").replaceChildren(`${pairs} pairs, model version ${served.version} (`, make("code", {}, served.model_id),
    "), index ", make("code", {}, served.index_id), ". Words are scored by the share that a caption says, looks by cosines of embeddings. For research and reading, not for diagnosis.");
}

// A picture with its panel outlined; the region is given in shares of the picture.
export function shot(source, alt, regions, tall = false) {
  const frame = make("div", { class: "frame" }, make("img", { src: source, alt, loading: tall ? "eager" : "lazy" }));
  for (const [region, quiet] of regions) frame.append(outline(region, quiet));
  return make("div", { class: tall ? "shot tall" : "shot" }, frame);
}

export function outline(region, quiet = false) {
  const box = make("div", { class: quiet ? "region quiet" : "region" });
  place(box, region);
  return box;
}

// Styles are set through the object model: the page's policy forbids them in markup.
export function place(box, region) {
  box.style.left = `${100 * region.left}%`;
  box.style.top = `${100 * region.top}%`;
  box.style.width = `${100 * region.width}%`;
  box.style.height = `${100 * region.height}%`;
}

export function captionOf(hit) {
  const element = make("p", { class: "caption" });
  element.append(...marked(hit.caption, spansOf(hit)));
  return element;
}

function spansOf(hit) {
  const found = (hit.reasons || []).flatMap((reason) => reason.spans);
  if (found.length) return merged(found);
  const wanted = new Set(hit.matched);
  const spans = codedOf(hit.record).filter((coded) => wanted.has(coded.term) && coded.span).map((coded) => coded.span);
  return spans.sort((a, b) => a[0] - b[0]);
}

// Longest first at each place; what overlaps is left out.
function merged(spans) {
  return spans.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
}

// The words of a query that a hit has, and how much its picture is like the query.
export function whyOf(hit) {
  const parts = (hit.reasons || []).map((reason) => reason.where === "caption" ? reason.said : `${reason.said} (${reason.where})`);
  if (hit.exact) parts.unshift({ id: "looked up", caption: "the whole caption", title: "the article's title", phrase: "the quoted words" }[hit.exact]);
  if (hit.similarity !== null && hit.similarity !== undefined) parts.push(`looks ${hit.similarity.toFixed(2)}`);
  return parts.length ? make("p", { class: "why" }, `Because of: ${parts.join(", ")}`) : null;
}

function marked(text, spans) {
  const parts = [];
  let at = 0;
  for (const [start, end] of spans) {
    if (start < at || end > text.length) continue;
    parts.push(text.slice(at, start), make("mark", {}, text.slice(start, end)));
    at = end;
  }
  return [...parts, text.slice(at)];
}

const FIELDS = ["modality", "sequence", "plane", "anatomy", "laterality", "findings", "procedure", "stage"];

export function codedOf(record) {
  return FIELDS.flatMap((field) => (record[field] || []).map((coded) => ({ ...coded, field })));
}

export function tagsOf(hit, limit = 12) {
  const seen = new Map();
  for (const coded of codedOf(hit.record)) if (!seen.has(coded.term)) seen.set(coded.term, coded);
  const matched = new Set(hit.matched);
  const shown = [...seen.values()].sort((a, b) => matched.has(b.term) - matched.has(a.term)).slice(0, limit);
  return make("ul", { class: "tags", "aria-label": "Structured fields" }, ...shown.map((coded) =>
    make("li", { class: [matched.has(coded.term) ? "hit" : "", coded.negated ? "negated" : ""].join(" ").trim() || null, title: coded.field },
      (coded.negated ? "no " : "") + coded.term)));
}

export function nameOf(hit) {
  return `${hit.label.replace(/[.:\s]+$/, "")}${hit.letter ? ` (${hit.letter})` : ""}`;
}

// The share of the words where words were asked for; else the cosine.
function scoreOf(hit, name) {
  const worded = hit.share !== null && hit.share !== undefined;
  return worded ? `words ${Math.round(100 * hit.share)} %` : `${name} ${hit.score.toFixed(3)}`;
}

function scoreTitle(hit) {
  return hit.share === null || hit.share === undefined ? "Cosine of the embeddings, -1 to 1"
    : `${Math.round(100 * hit.share)} % of the words, and looks where few captions say them`;
}

// One card a figure, at the place of its best pair; its other pairs are named below the caption.
export function cards(hits, options = {}) {
  const figures = new Map();
  for (const hit of hits) figures.set(hit.figure_id, [...(figures.get(hit.figure_id) || []), hit]);
  return [...figures.values()].map(([first, ...others]) => card(first, { ...options, others }));
}

function panelsOf(others) {
  const links = others.map((hit) => make("li", {}, make("a", { href: `/figures/${hit.figure_id}#${hit.pair_id}`, title: hit.caption, "data-pair": hit.pair_id },
    hit.letter ? `Panel ${hit.letter}` : hit.panel_id ? "Another panel" : "The whole figure")));
  return links.length ? make("ul", { class: "tags also", "aria-label": "Other parts of this figure that were found" }, ...links) : null;
}

// Without a name for it no score is shown: where nothing was asked, it tells a reader nothing.
export function card(hit, { score = "score", others = [], select = null } = {}) {
  const whole = hit.region !== null;
  const picture = shot(`${whole ? hit.figure_image_url : hit.image_url}?side=480`, `${nameOf(hit)}: ${hit.caption.slice(0, 120)}`,
    whole ? [[hit.region, false]] : []);
  const caption = captionOf(hit);
  caption.classList.add("cut");
  caption.title = hit.caption;
  const source = [hit.title || hit.name, hit.journal, hit.year, `page ${hit.page}`, hit.licence].filter(Boolean).join(" · ");
  const copy = (what, text) => make("button", { type: "button", onclick: async (event) => {
    await navigator.clipboard.writeText(text);
    event.target.textContent = "Copied";
  } }, what);
  const box = select && make("label", { class: "select" }, make("input", { type: "checkbox", class: "pick-pair", checked: select.picked(hit.pair_id),
    onchange: (event) => { for (const each of [hit, ...others]) select.pick(each.pair_id, event.target.checked); } }), "Select");
  return make("li", { class: "card", "data-pair": hit.pair_id }, picture, make("div", { class: "body" },
    make("div", { class: "row" }, make("h3", {}, make("a", { href: `/figures/${hit.figure_id}#${hit.pair_id}` }, nameOf(hit))),
      score && make("span", { class: "score", title: scoreTitle(hit) }, scoreOf(hit, score))),
    caption, panelsOf(others), whyOf(hit), tagsOf(hit), make("p", { class: "source" }, source),
    make("div", { class: "acts" }, make("a", { href: `/?like=${hit.pair_id}` }, "Similar"), copy("Copy citation", hit.cite),
      hit.doi ? copy("Copy DOI", `https://doi.org/${hit.doi}`) : null, box || null)));
}
