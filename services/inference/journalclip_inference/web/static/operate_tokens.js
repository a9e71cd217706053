// Tokens: who has one and until when; a new one is shown once; a revoked one is unknown from the next request on.
import { ask, make, sayRefused, say } from "./common.js";
import { day, question, table } from "./operate_parts.js";

export async function tokens({ again }) {
  const found = await ask("/v1/operations/tokens");
  const fresh = make("p", { class: "notice", role: "status", hidden: true });
  const add = () => question("A new token", "It is shown once; only its digest is kept.", [{ name: "name", label: "Who will use it" },
    { name: "role", label: "Role", options: ["viewer", "reviewer", "steward", "admin"] }, { name: "days", label: "Days it holds", type: "number", value: "90", min: "1" }], "Make it",
  async ({ name, role, days }) => {
    try {
      const { token } = await ask("/v1/operations/tokens", { name, role, days: Number(days) });
      await again();
      const shown = document.querySelector("#view .notice");
      shown.hidden = false;
      shown.replaceChildren(`The token of ${name}, shown this once: `, make("code", {}, token));
    } catch (error) { sayRefused(error); }
  });
  const revoke = (each) => question(`Revoke the token of ${each.name}?`, "Whoever has it is signed out with the next request.", [], "Revoke", async () => {
    const got = await fetch(`/v1/operations/tokens/${each.token_id}`, { method: "DELETE" }).catch(() => null);
    if (got?.ok) return again();
    return say(got ? (await got.json().catch(() => ({}))).reason || "It was not revoked." : "Nothing was changed: the server cannot be reached.", true);
  });
  const sessions = await ask("/v1/operations/sessions");
  const out = (name) => question(`Sign ${name} out everywhere?`, "All sessions end with the next request, and tokens that an issuer gave before now. A token of this server is revoked above.", [], "Sign out", async () => {
    try { const { ended } = await ask("/v1/operations/sessions/end", { name }); await again(); say(`${ended} sessions of ${name} ended.`); } catch (error) { sayRefused(error); }
  });
  const time = (seconds) => day(new Date(1000 * seconds).toISOString());
  const signedIn = table("Signed in", ["Name", "Role", "Since", "Last seen", ""], sessions.map((each) => [each.name, each.role, time(each.begun), time(each.used),
    make("button", { type: "button", "aria-label": `Sign ${each.name} out everywhere`, onclick: () => out(each.name) }, "Sign out")]), "Nobody is signed in.");
  return [fresh, make("p", {}, make("button", { type: "button", class: "primary", onclick: add }, "New token")),
    table("Tokens", ["Name", "Role", "Made", "Holds until", "Id", ""], found.map((each) => [each.name, each.role, day(each.made), day(each.expires) || "it is revoked", make("code", {}, each.token_id),
      make("button", { type: "button", "aria-label": `Revoke the token of ${each.name}`, onclick: () => revoke(each) }, "Revoke")]), "Nobody has a token."), signedIn];
}
