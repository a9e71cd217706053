// Filters with counts, as check boxes; what is chosen is written into the address.
import { $, make } from "./common.js";

const SHORT = 7; // values of a facet shown before "more"

export class FacetList {
  // `names`: facets in the order shown; `changed`: called with the new address parameters; `again`: draws anew.
  constructor(place, names, changed, again) {
    Object.assign(this, { place, names, changed, again, open: new Set() });
    const toggle = place.closest("aside")?.querySelector(".narrow"); // only narrow screens show it
    toggle?.addEventListener("click", () => toggle.setAttribute("aria-expanded", String(place.closest("aside").classList.toggle("open"))));
  }

  chosen() {
    const params = new URLSearchParams(location.search);
    return Object.fromEntries(this.names.map((name) => [name, params.getAll(name)]));
  }

  show(found) {
    const params = new URLSearchParams(location.search);
    const focus = document.activeElement?.id;
    const sets = this.names.map((name) => this.fieldset(name, found[name] || {}, new Set(params.getAll(name))));
    this.place.replaceChildren(...sets.filter(Boolean));
    if (focus) $(focus)?.focus();
  }

  fieldset(facet, counts, chosen) {
    const values = Object.entries(counts).filter(([value, count]) => count > 0 || chosen.has(value));
    if (!values.length) return null;
    values.sort((a, b) => chosen.has(b[0]) - chosen.has(a[0]) || (facet === "year" ? b[0].localeCompare(a[0]) : b[1] - a[1]));
    const shown = this.open.has(facet) ? values : values.slice(0, SHORT);
    const rows = shown.map(([value, count]) => {
      const id = `${facet}-${value.replace(/\W+/g, "_")}`;
      return make("label", { class: count ? "value" : "value none", for: id },
        make("input", { type: "checkbox", id, checked: chosen.has(value), onchange: (event) => this.choose(facet, value, event.target.checked) }),
        make("span", {}, value), make("span", { class: "count", "aria-label": `${count} of these` }, String(count)));
    });
    const more = values.length > shown.length
      ? make("button", { type: "button", class: "facet-more", onclick: () => { this.open.add(facet); this.again(); } }, `${values.length - shown.length} more`) : null;
    return make("fieldset", {}, make("legend", {}, facet.replace("_", " ")), ...rows, more);
  }

  choose(facet, value, on) {
    const params = new URLSearchParams(location.search);
    const rest = params.getAll(facet).filter((each) => each !== value);
    params.delete(facet);
    for (const each of on ? [...rest, value] : rest) params.append(facet, each);
    this.changed(params);
  }
}

// What the server has to say about a query: that nothing says it, and how it was read.
export function tell({ notice = null, corrections = [], expansions = [], unknown = [], cut = false, picture = null }) {
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
