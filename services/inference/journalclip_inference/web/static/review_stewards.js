// How far the review has come; and for stewards: what waits for their word, and sharing out pairs.
import { $, Refused, ask, captionOf, make, nameOf, say, sayRefused } from "./common.js";
import { question, table } from "./operate_parts.js";
import { entries } from "./review_notes.js";

const WHY = { "readers-disagree": "the readers disagree", reported: "reported by a reader", disputed: "a reviewer asks" };

export async function progress(me) {
  const found = await ask("/v1/review/progress");
  const steward = me.role !== "reviewer";
  $("totals").replaceChildren(make("p", {}, `${found.doubted} doubted pairs, ${found.decided} pairs decided, ${found.disputed} wait for a steward.`),
    table("Assignments", ["Title", "Reader", "Read", ...(steward ? [""] : [])], found.assignments.flatMap((each) => each.readers.map((reader, n) => [n ? "" : `${each.title} (${each.done} of ${each.pairs} done, ${Math.round(100 * each.overlap)} % read twice)`,
      reader.reader, `${reader.done} of ${reader.assigned}`, ...(steward ? [n ? "" : make("button", { type: "button", "aria-label": `End ${each.title}`, onclick: () => end(each, me) }, "End")] : [])])), "Nothing is assigned."));
  if (!steward) return;
  $("totals").append(table("Decided", ["Reader", "Pairs"], Object.entries(found.by_reader).map(([name, count]) => [name, String(count)]), "Nobody has decided yet."),
    make("button", { type: "button", onclick: () => assign(me) }, "Assign pairs"));
}

function assign(me) {
  question("Assign pairs", "The most doubted pairs that nobody was asked to read and nobody has decided.", [{ name: "title", label: "Title" }, { name: "readers", label: "Reviewers, with commas between" },
    { name: "pairs", label: "Pairs", type: "number", value: "50", min: "1" }, { name: "overlap", label: "Read twice, in per cent", type: "number", value: "20", min: "0" }], "Assign", async ({ title, readers, pairs, overlap }) => {
    try {
      const made = await ask("/v1/review/assignments", { title, readers: readers.split(",").map((each) => each.trim()).filter(Boolean), pairs: Number(pairs), overlap: Number(overlap) / 100 });
      say(`Assigned: ${Object.entries(made.shares).map(([name, share]) => `${share.length} to ${name}`).join(", ")}.`);
      await progress(me);
    } catch (error) { sayRefused(error); }
  });
}

function end(each, me) {
  question(`End ${each.title}?`, "What is not read goes back to the queue of all. Decisions stand.", [], "End it", async () => {
    const got = await fetch(`/v1/review/assignments/${each.assignment_id}`, { method: "DELETE" }).catch(() => null);
    if (!got?.ok) return say(got ? (await got.json().catch(() => ({}))).reason || "It was not ended." : "Nothing was saved: the server cannot be reached.", true);
    return progress(me).catch(sayRefused);
  });
}

export async function disputes(me) {
  const { items } = await ask("/v1/review/disputes");
  $("disputes").hidden = !items.length;
  $("dispute-list").replaceChildren(...items.map((each) => dispute(each, me)));
}

function dispute({ dispute: found, pair }, me) {
  const decide = (choice) => act(() => ask("/v1/review/decisions", { pair_id: found.pair_id, choice, reason: choice === "reject" ? "other" : "good" }), me);
  const open = found.remarks.filter((each) => each.purpose !== "note");
  const settle = () => question("Settle without a decision", "The pair stays as it is.", [{ name: "text", label: "Why" }], "Settle", ({ text }) => act(async () => {
    for (const each of open) await ask("/v1/review/remarks", { pair_id: found.pair_id, purpose: "settlement", settles: each.remark_id, text });
  }, me));
  return make("li", { class: "dispute" }, pair ? make("img", { src: `${pair.image_url}?side=240`, alt: nameOf(pair), loading: "lazy" }) : null, make("div", {},
    make("p", {}, make("strong", {}, pair ? make("a", { href: `/figures/${pair.figure_id}#${pair.pair_id}` }, nameOf(pair)) : found.pair_id), ` · ${found.why.map((each) => WHY[each]).join(", ")}`),
    pair ? captionOf(pair) : make("p", { class: "hint" }, "No longer in this collection."), make("ul", { class: "said" }, ...entries(found)),
    make("div", { class: "bar" }, ...(pair ? [make("button", { type: "button", onclick: () => decide("accept") }, "Keep the pair"), make("button", { type: "button", onclick: () => decide("reject") }, "Reject the pair")] : []),
      open.length ? make("button", { type: "button", onclick: settle }, "Settle") : null)));
}

async function act(work, me) {
  try {
    await work();
    await Promise.all([disputes(me), progress(me)]);
    say("Settled.");
  } catch (error) { if (error instanceof Refused) sayRefused(error); else throw error; }
}
