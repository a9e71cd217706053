// The routes, their fields and what they answer, read from the server's own OpenAPI description.
import { $, ask, dress, make, say, sayRefused } from "./common.js";

const typeOf = (schema, all) => {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map((each) => typeOf(each, all)).join(" or ");
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.type === "array") return `list of ${typeOf(schema.items, all) || "values"}`;
  return schema.type === "null" ? "nothing" : schema.type || "value";
};

function fields(title, schema, all) {
  const found = schema?.$ref ? all[schema.$ref.split("/").pop()] : schema;
  if (!found?.properties) return null;
  const required = new Set(found.required || []);
  const rows = Object.entries(found.properties).flatMap(([name, each]) => [
    make("dt", {}, make("code", {}, name), required.has(name) ? " (needed)" : ""),
    make("dd", {}, [typeOf(each, all), each.description].filter(Boolean).join(". ")),
  ]);
  return make("details", {}, make("summary", {}, title), make("dl", { class: "facts" }, ...rows));
}

function route(path, method, operation, all) {
  const body = Object.values(operation.requestBody?.content || {})[0]?.schema;
  const answer = Object.values(operation.responses?.["200"]?.content || {})[0]?.schema;
  const query = (operation.parameters || []).map((each) => make("li", {}, make("code", {}, each.name), ` (${each.in}) ${each.description || ""}`));
  return make("section", { class: "panel-box" }, make("h2", {}, make("code", {}, `${method.toUpperCase()} ${path}`)),
    make("p", {}, operation.description || operation.summary || ""), query.length ? make("ul", {}, ...query) : null,
    fields("What is sent", body, all), fields("What is answered", answer, all));
}

await dress("/api");
try {
  const found = await ask("/openapi.json");
  const all = found.components?.schemas || {};
  const routes = Object.entries(found.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => route(path, method, operation, all)));
  $("routes").replaceChildren(...routes);
  say(`${routes.length} routes, version ${found.info.version}.`);
} catch (error) { sayRefused(error); }
