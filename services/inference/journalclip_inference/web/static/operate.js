// The pages for those who run an installation: models, sources, datasets, tokens. Stewards look, admins change.
import { $, ask, dress, make, say, sayRefused } from "./common.js";
import { datasets, models } from "./operate_models.js";
import { sources } from "./operate_sources.js";
import { tokens } from "./operate_tokens.js";

const VIEWS = { models, sources, datasets, tokens };
const here = () => { const name = new URLSearchParams(location.search).get("view"); return VIEWS[name] ? name : "models"; };
let watching = false;
let me = null;

async function show() {
  const name = here();
  $("tabs").replaceChildren(...Object.keys(VIEWS).map((each) => make("a", { href: `/operate?view=${each}`, "aria-current": each === name ? "page" : null }, each)));
  say("Loading…");
  try {
    $("view").replaceChildren(...await VIEWS[name]({ admin: me?.role === "admin", change, again: show }));
    say("");
  } catch (error) {
    $("view").replaceChildren();
    sayRefused(error);
  }
  watch();
}

// Ask for a change; it runs beside requests, one at a time, and is followed until it is done.
async function change(path, body) {
  try {
    await ask(path, body);
    watch(true);
  } catch (error) { sayRefused(error); }
}

async function watch(asked = false) {
  if (watching) return;
  watching = true;
  try {
    let found = await ask("/v1/operations/change");
    let ran = asked;
    while (found?.state === "running") {
      ran = true;
      tell(`${found.what} by ${found.who} is under way…`);
      await new Promise((done) => setTimeout(done, 1_000));
      found = await ask("/v1/operations/change");
    }
    if (found && ran) {
      tell(`${found.what} by ${found.who}: ${found.state === "done" ? found.said : `refused. ${found.said}`}`);
      watching = false;
      return await show();
    }
  } catch (error) { if (me) sayRefused(error); } finally { watching = false; }
}

function tell(text) {
  $("change").hidden = !text;
  $("change").textContent = text;
}

me = await dress("/operate");
show();
