#!/usr/bin/env python3
"""Verifies webhooks of the payment server with `standardwebhooks` (PyPI), unmodified.

usage: with_standardwebhooks.py      with one JSON object on standard input: {"secret": …, "deliveries": [{"headers": {…}, "body": …}, …]}

Each delivery must verify, and must not after one letter of its body, its id or its signature was changed.
Prints one line per step; exits with 0 only if every step succeeded.
"""

import json
import sys
from importlib.metadata import version

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

given = json.load(sys.stdin)
webhook = Webhook(given["secret"])


def rejects(headers, body):
    try:
        webhook.verify(body, headers)
    except WebhookVerificationError:
        return True
    return False


def changed(text, at):
    """Returns the text with another letter at this position."""
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


assert given["deliveries"], "no deliveries"
for delivery in given["deliveries"]:
    headers, body = delivery["headers"], delivery["body"]
    event = webhook.verify(body, headers)
    assert event["id"] == headers["webhook-id"], event
    print(f"verified {event['type']} {event['id']}")
    assert rejects(headers, changed(body, len(body) // 2))
    assert rejects({**headers, "webhook-id": changed(headers["webhook-id"], 5)}, body)
    signature = headers["webhook-signature"]
    assert rejects({**headers, "webhook-signature": " ".join(changed(part, 10) for part in signature.split(" "))}, body)
    assert rejects({**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}, body)
    print("rejected it after one letter was changed")
print(f"standardwebhooks {version('standardwebhooks')} verified {len(given['deliveries'])} deliveries")
