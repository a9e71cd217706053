// What was decided and said about the pair in hand, and adding a note or a question to a steward.
import { $, ask, make, say, sayRefused } from "./common.js";
import { day } from "./operate_parts.js";

const SAID = { note: "noted", report: "reported", dispute: "asked a steward", settlement: "settled" };
const DECIDED = { accept: "accepted", reject: "rejected", edit: "edited", undo: "took a decision back" };
let pairId = "";

export function entries({ decisions, remarks }) {
  const all = [...decisions.map((each) => ({ who: each.reviewer, what: DECIDED[each.choice], time: each.time, why: each.reason, text: each.note })),
    ...remarks.map((each) => ({ who: each.author, what: SAID[each.purpose], time: each.time, why: each.purpose === "report" || each.purpose === "dispute" ? each.reason : "", text: each.text }))];
  return all.sort((a, b) => a.time.localeCompare(b.time)).map(({ who, what, time, why, text }) =>
    make("li", {}, make("strong", {}, who), ` ${what} · ${day(time)}${why && !["good", "other"].includes(why) ? ` · ${why}` : ""}`, text ? make("p", {}, text) : null));
}

// Of the next pair nothing is asked before the history is opened: a queue is worked through quickly.
export function notesOf(pair) {
  pairId = pair;
  $("said").replaceChildren();
  if ($("history").open) load().catch(sayRefused);
}

async function load() {
  const asked = pairId;
  const found = await ask(`/v1/review/history/${asked}`);
  if (asked !== pairId) return;
  const shown = entries(found);
  const hidden = found.hidden ? make("li", { class: "hint" }, `${found.hidden} by others, shown once you have decided.`) : null;
  $("said").replaceChildren(...shown, ...(hidden ? [hidden] : []), ...(shown.length || hidden ? [] : [make("li", { class: "hint" }, "Nothing yet.")]));
}

async function add(purpose) {
  const text = $("remark").value.trim();
  if (!text) return say("Write what you want to say first.", true);
  try {
    await ask("/v1/review/remarks", { pair_id: pairId, purpose, text });
    $("remark").value = "";
    say(purpose === "note" ? "Noted." : "A steward is asked.");
    await load();
  } catch (error) { sayRefused(error); }
}

$("history").addEventListener("toggle", () => { if ($("history").open && pairId) load().catch(sayRefused); });
$("add-note").addEventListener("click", () => add("note"));
$("add-dispute").addEventListener("click", () => add("dispute"));
export const unsaid = () => Boolean($("remark").value.trim());
