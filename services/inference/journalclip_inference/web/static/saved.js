// Saved searches: kept by the server under a name, each with a feed for what it finds anew.
import { $, Refused, ask, make, say, sayRefused } from "./common.js";
import { question } from "./operate_parts.js";

const FILTER = /^(modality|finding|anatomy|side|sequence|plane|stage|article_type|journal|year|licence|quality)$/;

// The page's address of a saved search.
function address({ query }) {
  const params = new URLSearchParams(query.text ? { q: query.text } : {});
  for (const [facet, values] of Object.entries(query.filters)) if (FILTER.test(facet)) for (const value of values) params.append(facet, value);
  return `/?${params}`;
}

export function saveSearch(text, filters) {
  question("Save this search", "It is kept with its words and filters, not with a picture. Its feed lists what is found anew.", [{ name: "name", label: "Name", value: text }], "Save", async ({ name }) => {
    try {
      const { search, feed } = await ask("/v1/searches", { name, text, filters });
      await list();
      say("");
      $("status").append(`Saved ${search.name}. Its feed, shown this once (whoever has the address can read it): `, make("code", {}, feed));
    } catch (error) { sayRefused(error); }
  });
}

export async function list() {
  let found;
  try { found = await ask("/v1/searches"); } catch (error) { if (error instanceof Refused) return; throw error; } // not signed in
  $("saved").hidden = !found.length;
  $("saved-list").replaceChildren(...found.map((each) => make("li", {}, make("a", { href: address(each) }, each.name),
    make("button", { type: "button", "aria-label": `Delete ${each.name}`, onclick: () => remove(each) }, "Delete"))));
}

async function remove(each) {
  const got = await fetch(`/v1/searches/${each.search_id}`, { method: "DELETE" }).catch(() => null);
  if (!got?.ok) return say("It was not deleted: the server cannot be reached.", true);
  return list();
}
