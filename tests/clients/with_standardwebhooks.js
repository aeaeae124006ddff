// Verifies webhooks of the payment server with `standardwebhooks` (npm), unmodified.
//
// usage: node with_standardwebhooks.js      with WXPAY_CLIENTS_NODE_WEBHOOKS set to the folder of the installed modules, and one
//     JSON object on standard input: {"secret": …, "deliveries": [{"headers": {…}, "body": …}, …]}
//
// Each delivery must verify, and must not after one letter of its body, its id or its signature was changed.
// Prints one line per step; exits with 0 only if every step succeeded.

"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");

const modules = process.env.WXPAY_CLIENTS_NODE_WEBHOOKS;
const { Webhook, WebhookVerificationError } = require(path.join(modules, "standardwebhooks"));
const { version } = JSON.parse(fs.readFileSync(path.join(modules, "standardwebhooks", "package.json")));

const given = JSON.parse(fs.readFileSync(0, "utf8"));
const webhook = new Webhook(given.secret);

// Returns the text with another letter at this position.
const changed = (text, at) => text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
const rejects = (headers, body) => assert.throws(() => webhook.verify(body, headers), WebhookVerificationError);

assert(given.deliveries.length > 0, "no deliveries");
for (const { headers, body } of given.deliveries) {
    const event = webhook.verify(body, headers);
    assert.strictEqual(event.id, headers["webhook-id"]);
    console.log(`verified ${event.type} ${event.id}`);
    rejects(headers, changed(body, Math.floor(body.length / 2)));
    rejects({ ...headers, "webhook-id": changed(headers["webhook-id"], 5) }, body);
    const signature = headers["webhook-signature"].split(" ").map((part) => changed(part, 10)).join(" ");
    rejects({ ...headers, "webhook-signature": signature }, body);
    rejects({ ...headers, "webhook-timestamp": String(Number(headers["webhook-timestamp"]) - 1) }, body);
    console.log("rejected it after one letter was changed");
}
console.log(`standardwebhooks ${version} verified ${given.deliveries.length} deliveries`);
