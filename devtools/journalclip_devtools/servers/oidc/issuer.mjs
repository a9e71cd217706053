// A real OpenID Connect issuer for tests: node-oidc-provider with one client, which names itself by client_secret_basic alone.
// node issuer.mjs PORT OURS ROLES.json: people sign in by any name; ROLES.json has their roles, and each is in 120 groups.
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import Provider from "oidc-provider";

const [port, ours, roles] = process.argv.slice(2);
const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
const groups = Array.from({ length: 120 }, (_, n) => `cn=journal-club-${n},ou=neurosurgery,ou=groups,dc=hospital,dc=example`);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: "clip.page", client_secret: "a secret: of signs", token_endpoint_auth_method: "client_secret_basic", redirect_uris: [`${ours}/v1/login/callback`],
    post_logout_redirect_uris: [`${ours}/`], grant_types: ["authorization_code", "refresh_token"], response_types: ["code"] }],
  clientAuthMethods: ["client_secret_basic"],
  jwks: { keys: [{ ...key, use: "sig" }] }, // published without an algorithm
  claims: { openid: ["sub", "preferred_username", "groups", "https://example.org/roles"], profile: [], email: [] },
  conformIdTokenClaims: false,
  cookies: { keys: ["of a test"] },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id, groups,
    "https://example.org/roles": JSON.parse(readFileSync(roles, "utf8"))[id] || [] }) }),
  issueRefreshToken: () => true,
  ttl: { IdToken: 2, AccessToken: 600, AuthorizationCode: 60, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
});
provider.listen(Number(port), "127.0.0.1");
