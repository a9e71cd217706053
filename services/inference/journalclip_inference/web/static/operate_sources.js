// Sources: what arrived, where it stands, why it is in quarantine and what to do; replay and withdrawal.
import { ask, make } from "./common.js";
import { question, table } from "./operate_parts.js";

const REASONS = ["retraction", "licence", "erasure-request", "identifiable-person"];

export async function sources({ admin, change }) {
  const params = new URLSearchParams(location.search);
  const [state, after] = [params.get("state") || "", params.get("after") || ""];
  const found = await ask(`/v1/operations/sources?${new URLSearchParams({ state, after })}`);
  const to = (changes) => `/operate?${new URLSearchParams({ view: "sources", ...changes })}`;
  const total = Object.values(found.counts).reduce((sum, count) => sum + count, 0);
  const states = [["", `all ${total}`], ...Object.entries(found.counts).map(([name, count]) => [name, `${name} ${count}`])];
  const replay = (each) => admin && each.state === "quarantined" ? make("button", { type: "button", "aria-label": `Replay ${each.name || each.source_id}`,
    onclick: () => change("/v1/operations/sources/replay", { source_id: each.source_id }) }, "Replay") : null;
  const withdraw = (each) => make("button", { type: "button", "aria-label": `Withdraw ${each.name || each.source_id}`, onclick: () => question(`Withdraw ${each.name || each.source_id}?`,
    "Search hides it within seconds, and no later dataset has it. Its files stay.", [{ name: "reason", label: "Reason", options: REASONS }, { name: "note", label: "Note (no names of patients)", needed: false }],
    "Withdraw", ({ reason, note }) => change("/v1/operations/sources/withdraw", { subject: each.source_id, reason, note })) }, "Withdraw");
  const why = (each) => each.code ? [make("code", {}, each.code), ` ${each.reason} `, make("em", {}, each.remedy)] : "";
  return [make("p", { class: "states" }, ...states.map(([name, text]) => make("a", { href: to({ state: name }), "aria-current": name === state ? "true" : null }, text))),
    table("Deliveries", ["Name", "State", "Figures", "Pairs", "Why, and what to do", ""],
      found.sources.map((each) => [[each.name || "", " ", make("code", {}, each.source_id)], each.state, String(each.figures), String(each.pairs), why(each), [replay(each), withdraw(each)].filter(Boolean)]),
      "Nothing stands so."),
    found.next ? make("p", {}, make("a", { href: to({ state, after: found.next }) }, "Next page")) : null].filter(Boolean);
}
