// Models: versions, gates' verdicts, what differs from the champion, curves; promotion and rollback with a reason.
import { ask, make, sayRefused } from "./common.js";
import { curve, day, question, table } from "./operate_parts.js";

const REASON = { name: "why", label: "Reason, for the record" };

export async function models({ admin, change }) {
  const found = await ask("/v1/operations/models");
  const detail = make("div", { id: "detail", tabindex: "-1" });
  const open = async (each) => {
    try {
      detail.replaceChildren(...shown(await ask(`/v1/operations/models/${each.kind}/${each.version}`)));
      detail.focus();
    } catch (error) { sayRefused(error); }
  };
  const acts = (each) => [make("button", { type: "button", onclick: () => open(each), "aria-label": `Gates of version ${each.version}` }, "Gates"),
    admin && !each.aliases.includes("champion") ? make("button", { type: "button", "aria-label": `Promote version ${each.version}`, onclick: () => promote(each, change) }, "Promote") : null,
    admin && each.aliases.includes("champion") ? make("button", { type: "button", "aria-label": `Roll back from version ${each.version}`, onclick: () => rollBack(each, change) }, "Roll back") : null].filter(Boolean);
  return [table("Models, the newest first", ["Version", "Of", "Is", "Decided", "By", "When", ""],
    found.map((each) => [make("strong", {}, each.version), each.kind, each.aliases.join(", "), each.decision, each.who, day(each.when), acts(each)]), "No model is registered yet."), detail];
}

function promote(each, change) {
  question(`Promote version ${each.version}?`, "It goes through the gates now; nothing is forced past one. Readers get it when its index is ready.", [REASON], "Promote",
    ({ why }) => change("/v1/operations/models/promote", { kind: each.kind, version: each.version, why }));
}

function rollBack(each, change) {
  question(`Roll back from version ${each.version}?`, "The previous champion takes its place; every byte of it is verified first.",
    [REASON, { name: "to", label: "A former champion's version (empty: the previous one)", needed: false }], "Roll back",
    ({ why, to }) => change("/v1/operations/models/rollback", { kind: each.kind, why, to: to || null }));
}

function shown({ entry, compared, decisions, curves, withdrawn }) {
  return [make("h2", {}, `Version ${entry.version}`), make("p", { class: "hint" }, make("code", {}, entry.model_id)),
    table("Made from, beside the champion", ["", "This version", "The champion"], compared.map((each) => [each.what,
      each.here === each.champion ? each.here : make("mark", {}, each.here || "-"), each.champion || "-"]), "Nothing is known of what it was made from."),
    ...decisions.map(decided), curves.length ? make("h2", {}, "Training") : null, curves.length ? make("div", { class: "curves" }, ...curves.map(curve)) : null,
    Object.keys(withdrawn).length ? make("p", { class: "problem" }, `Withdrawn since: ${Object.entries(withdrawn).map(([what, count]) => `${what}, ${count} pairs`).join("; ")}.`) : null].filter(Boolean);
}

function decided(each) {
  const word = (gate) => make("span", { class: gate.passed ? "passed" : "problem" }, gate.passed ? "passed" : "refused");
  return make("section", {}, make("h2", {}, `Decision ${each.sequence}: ${each.outcome}`),
    make("p", { class: "hint" }, `By ${each.who}, ${day(each.when)}. ${each.why || "No reason was given."}${each.compared_with ? ` Compared with ${each.compared_with}.` : ""}`),
    table(`Gates of decision ${each.sequence}`, ["Gate", "", "Measured", "Limit", "Reason"], each.gates.map((gate) => [gate.gate, word(gate), number(gate.measured), number(gate.limit), gate.reason]), "No gate was asked."));
}

const number = (value) => (value === null ? "" : String(Math.round(value * 10_000) / 10_000));

export async function datasets() {
  const found = await ask("/v1/operations/datasets");
  const list = (counts) => Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(", ");
  return [table("Frozen datasets", ["Dataset", "Of", "Pairs", "Left out", "Leaks"],
    found.map((each) => [make("code", {}, each.dataset_id), each.kind, list(each.splits), list(each.dropped) || "nothing", String(each.leaks)]), "Nothing is frozen yet.")];
}
