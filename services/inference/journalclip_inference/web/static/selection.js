// Pairs that a reader picked on this page, kept for the tab, and written to a file on wish.
import { compare } from "./compare.js";
import { $, Refused, make, say, sayRefused } from "./common.js";

const KEY = "journalclip-selection";
const chosen = new Set(JSON.parse(sessionStorage.getItem(KEY) || "[]"));
const FORMATS = [["ris", "RIS"], ["bibtex", "BibTeX"], ["csl", "CSL"], ["csv", "CSV"], ["pictures", "Pictures"]];

export const picked = (pairId) => chosen.has(pairId);

export function pick(pairId, on) {
  if (on) chosen.add(pairId); else chosen.delete(pairId);
  sessionStorage.setItem(KEY, JSON.stringify([...chosen]));
  show();
}

async function save(format) {
  try {
    const got = await fetch("/v1/export", { method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify({ pair_ids: [...chosen], format }) }).catch(() => null);
    if (!got) throw new Refused(0, { reason: "The server cannot be reached", remedy: "Your selection is still here." });
    if (!got.ok) throw new Refused(got.status, await got.json().catch(() => ({})));
    const name = /filename="([^"]+)"/.exec(got.headers.get("content-disposition") || "")?.[1] || "journalclip.txt";
    const address = URL.createObjectURL(await got.blob());
    make("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    const left = Number(got.headers.get("x-left-out") || 0);
    say(left ? `Saved ${name}; ${left} of the selection were left out: ${format === "pictures" ? "their licence does not allow it, or they are" : "they are"} no longer in this collection.` : `Saved ${name}.`);
  } catch (error) { sayRefused(error); }
}

export function show() {
  const bar = $("selection");
  if (!bar) return;
  bar.hidden = !chosen.size;
  bar.replaceChildren(make("span", {}, `${chosen.size} selected`),
    ...FORMATS.map(([format, name]) => make("button", { type: "button", onclick: () => save(format) }, name)),
    make("button", { type: "button", onclick: () => compare([...chosen]) }, "Side by side"),
    make("button", { type: "button", onclick: () => {
      chosen.clear();
      sessionStorage.removeItem(KEY);
      for (const box of document.querySelectorAll("input.pick-pair")) box.checked = false;
      show();
    } }, "Clear"));
}
