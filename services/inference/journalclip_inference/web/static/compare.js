// Selected figures side by side: each picture can be zoomed and moved by itself.
import { ask, captionOf, make, nameOf, sayRefused } from "./common.js";
import { zoom } from "./zoom.js";

const MOST = 4; // more are too small to look at; the next ones follow by a button

export async function compare(pairIds) {
  try {
    const { hits } = await ask("/v1/pairs", { pair_ids: pairIds.slice(0, 500) });
    let from = 0;
    const list = make("div", { class: "side-by-side" });
    const count = make("p", { role: "status", class: "hint" });
    const show = () => {
      const shown = hits.slice(from, from + MOST);
      count.textContent = hits.length > MOST ? `${from + 1} to ${from + shown.length} of ${hits.length}` : `${hits.length} figures`;
      list.replaceChildren(...shown.map((hit) => make("section", { "aria-label": nameOf(hit) }, make("h3", {}, make("a", { href: `/figures/${hit.figure_id}#${hit.pair_id}` }, nameOf(hit))),
        zoom(hit.image_url, `${nameOf(hit)}: ${hit.caption.slice(0, 120)}`), captionOf(hit), make("p", { class: "source" }, [hit.title || hit.name, hit.journal, hit.year].filter(Boolean).join(" · ")))));
    };
    const step = (by) => { from = Math.max(0, Math.min(from + by, Math.floor((hits.length - 1) / MOST) * MOST)); show(); };
    const close = () => dialog.close();
    const dialog = make("dialog", { class: "full", "aria-label": "Selected figures side by side", onclose: () => dialog.remove() }, make("div", { class: "bar" }, count,
      hits.length > MOST ? make("button", { type: "button", onclick: () => step(-MOST) }, "Back") : null, hits.length > MOST ? make("button", { type: "button", onclick: () => step(MOST) }, "Next") : null,
      make("button", { type: "button", onclick: close }, "Close")), list);
    document.body.append(dialog);
    dialog.showModal();
    show();
  } catch (error) { sayRefused(error); }
}
