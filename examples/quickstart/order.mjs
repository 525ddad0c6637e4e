// Sends an order with Node's own fetch, through the proxy that HTTPS_PROXY names. Trust comes from
// NODE_EXTRA_CA_CERTS.
//
//   node order.mjs https://api.shop.de.example/orders order.json
import { readFile } from "node:fs/promises";

const [url, file] = process.argv.slice(2);
if (!url || !file) {
  console.error("usage: node order.mjs URL FILE");
  process.exit(2);
}

const response = await fetch(url, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: await readFile(file),
  dispatcher: await proxyAgent(),
});
const answer = await response.json();
const verdict = answer.rule ? `blocked by rule ${answer.rule}: ${answer.reason}` : "passed";
console.log(`${response.status} ${verdict}`);

// Node 24 reads HTTPS_PROXY by itself when NODE_USE_ENV_PROXY=1 is set. Before, its fetch is given
// an agent of undici, which is the package that fetch is made of.
async function proxyAgent() {
  const [major] = process.versions.node.split(".");
  if (major >= 24 || process.allowedNodeEnvironmentFlags.has("--use-env-proxy")) {
    return undefined;
  }
  const { ProxyAgent } = await import("undici");
  return new ProxyAgent(process.env.HTTPS_PROXY);
}
