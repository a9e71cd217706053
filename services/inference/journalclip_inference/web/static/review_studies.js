// Studies whose record has a flag. Accepting one lets it into the next dataset; a decision can be taken back.
import { $, ask, make, sayRefused } from "./common.js";

const WORDS = { instruction: "text with an order to a reader", unread: "little of the text read" };
const SAID = { accept: "accepted", reject: "rejected" };

async function decide(entry, choice, undoes) {
  try {
    const decision = await ask("/v1/review/decisions", { pair_id: entry.study_id, choice, ...(undoes ? { undoes } : {}) });
    entry.decision = undoes ? null : decision;
    $("studies-status").textContent = undoes ? "Taken back." : `${entry.study_id} ${SAID[choice]}.`;
    entry.node.replaceWith(shown(entry));
  } catch (error) { sayRefused(error); }
}

function shown(entry) {
  const act = (choice, name) => make("button", { type: "button", onclick: () => decide(entry, choice) }, name);
  const buttons = entry.decision
    ? [make("span", {}, SAID[entry.decision.choice]), make("button", { type: "button", onclick: () => decide(entry, "undo", entry.decision.decision_id) }, "Undo")]
    : [act("accept", "Accept"), act("reject", "Reject")];
  entry.node = make("li", {},
    make("p", {}, make("a", { href: `/studies?like=${entry.study_id}` }, entry.study_id), ` · ${entry.sequences.join(", ")} · doubted for ${entry.doubts.map((each) => WORDS[each]).join(", ")}`),
    make("p", {}, entry.text || "Nothing was recognised."), make("div", { class: "bar" }, ...buttons));
  return entry.node;
}

export async function loadStudies() {
  let answer;
  try { answer = await ask("/v1/review/studies?limit=100"); } catch (error) {
    if ([404, 503].includes(error.status)) return; // no archive of studies here
    throw error;
  }
  $("studies").hidden = !answer.items.length;
  $("studies-status").textContent = `${answer.items.length} to review. What is not accepted stays out of datasets as the freeze setting says.`;
  $("study-queue").replaceChildren(...answer.items.map(shown));
}
