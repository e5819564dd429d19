"""The secrets of the generators that the packages sign for, and what a subscriber needs, as the hub's settings."""

import base64
import json
import secrets

print(
    json.dumps(
        {
            "GENERATOR_STANDARD_WEBHOOKS_SECRET": "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
            # as Stripe shows it: the whole text is the key
            "GENERATOR_STRIPE_SECRET": "whsec_" + secrets.token_hex(32),
            "GENERATOR_SLACK_SECRET": secrets.token_hex(16),
            "GENERATOR_GITHUB_SECRET": "It's a secret: " + secrets.token_urlsafe(24),
            # for the subscriber, which is on this machine
            "DELIVERY_ALLOWED_NETWORKS": "127.0.0.1",
        }
    )
)
