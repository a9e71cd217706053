// "Report this pair": any reader tells the stewards what is wrong with a pair.
import { ask, make, nameOf, say, sayRefused } from "./common.js";
import { question } from "./operate_parts.js";

const WRONG = { "wrong-panel": "the wrong panel", "wrong-caption": "the caption of another figure", "not-a-figure": "it is no figure", "poor-image": "a poor picture",
  "identifiable-person": "a person can be recognised", duplicate: "a duplicate", "off-topic": "off topic", other: "something else" };

export function reportButton(hit) {
  const send = async ({ wrong, text }) => {
    const reason = Object.keys(WRONG).find((each) => WRONG[each] === wrong);
    try {
      await ask("/v1/review/remarks", { pair_id: hit.pair_id, purpose: "report", reason, text });
      say(`Reported ${nameOf(hit)}. A steward looks at it.`);
    } catch (error) { sayRefused(error); }
  };
  const open = () => question(`Report ${nameOf(hit)}`, "A steward decides. Write nothing about a patient.", [{ name: "wrong", label: "What is wrong", options: Object.values(WRONG) },
    { name: "text", label: "More, if you like", needed: false }], "Report", send);
  return make("button", { type: "button", onclick: open, "aria-label": `Report ${nameOf(hit)}` }, "Report");
}
