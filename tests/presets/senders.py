"""How generators prove their callbacks: written from their documentation, and not from the hub's files about them.

A sender is a function of a `Call`; it returns the headers that it adds. Fixtures name one in `sender`, and set its options in
`[signature]`. `secret` is what stands in the hub's settings; where that is a public key, the private one stands here.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@dataclass
class Call:
    """What is about to be posted. `forged`: with somebody else's key."""

    body: bytes
    headers: dict
    secret: str = ""
    options: dict = field(default_factory=dict)
    forged: bool = False

    @property
    def text_key(self) -> bytes:
        return (("somebody else's " if self.forged else "") + self.secret).encode()

    @property
    def base64_key(self) -> bytes:
        """`whsec_` goes away; the padding may be missing."""
        text = self.secret.removeprefix("whsec_")
        key = base64.b64decode(text + "=" * (-len(text) % 4))
        return b"somebody else's" + key if self.forged else key

    @property
    def private_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"somebody else" if self.forged else b"the vendor").digest())

    def option(self, name: str, otherwise: str = "") -> str:
        return self.options.get(name, otherwise)

    def own(self, name: str, otherwise: str) -> str:
        """The header's value where the fixture gives one."""
        found = [value for known, value in self.headers.items() if known.lower() == name.lower()]
        return found[0] if found else otherwise


def hmac_sha256(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def now() -> str:
    return str(int(time.time()))


# --- Nothing, and what is no signature --------------------------------------------------------------------------------


def nothing(_: Call) -> dict:
    """Also for what is proven by the token in the URL: the runner leaves that in where the sender is `token`."""
    return {}


def header(call: Call) -> dict:
    """A fixed text in a header. Options: header, prefix (`Bearer `)."""
    return {call.option("header", "Authorization"): call.option("prefix") + call.text_key.decode()}


def basic(call: Call) -> dict:
    """RFC 7617; the secret is `user:password`."""
    return {"Authorization": "Basic " + base64_of(call.text_key)}


# --- Standard Webhooks: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md ---------------------


def standard_webhooks(call: Call, brand: str = "webhook") -> dict:
    """`{id}.{timestamp}.{body}`; a retry has the same id and a timestamp of its own."""
    number, moment = call.own(f"{brand}-id", "msg_" + secrets.token_hex(12)), now()
    content = f"{number}.{moment}.".encode() + call.body
    signature = "v1," + base64_of(hmac_sha256(call.base64_key, content))
    return {f"{brand}-id": number, f"{brand}-timestamp": moment, f"{brand}-signature": signature}


def svix(call: Call) -> dict:
    """docs.svix.com/receiving/verifying-payloads/how-manual: the same under its own brand, and often several signatures."""
    signed = standard_webhooks(call, "svix")
    old = "v1," + base64_of(hmac_sha256(b"the key before", b"x"))
    return {**signed, "svix-signature": f"{old} {signed['svix-signature']}"}


def standard_webhooks_ed25519(call: Call) -> dict:
    """The spec's asymmetric scheme, `v1a`."""
    number, moment = call.own("webhook-id", "msg_" + secrets.token_hex(12)), now()
    signature = call.private_key.sign(f"{number}.{moment}.".encode() + call.body)
    return {"webhook-id": number, "webhook-timestamp": moment, "webhook-signature": "v1a," + base64_of(signature)}


# --- Over the raw body ------------------------------------------------------------------------------------------------


def hex_of_body(call: Call) -> dict:
    """Options: header, prefix (`sha256=`)."""
    return {call.option("header"): call.option("prefix") + hmac_sha256(call.text_key, call.body).hex()}


def base64_of_body(call: Call) -> dict:
    """Options: header, prefix."""
    return {call.option("header"): call.option("prefix") + base64_of(hmac_sha256(call.text_key, call.body))}


def mindee(call: Call) -> dict:
    """mindee/mindee-api-python, `LocalResponse`: CR and LF are taken out before the body is hashed."""
    content = call.body.replace(b"\r", b"").replace(b"\n", b"")
    return {"X-Mindee-Hmac-Signature": hmac_sha256(call.text_key, content).hex()}


# --- Over the body as Python writes it --------------------------------------------------------------------------------


def rewritten(call: Call, **how) -> bytes:
    return json.dumps(json.loads(call.body), **how).encode(errors="surrogatepass")


def content_creator(call: Call) -> dict:
    """The base64 of `json.dumps(…, sort_keys=True, separators=(",", ":"))`."""
    content = rewritten(call, sort_keys=True, separators=(",", ":"))
    return {"X-Webhook-Signature": base64_of(hmac_sha256(call.text_key, content))}


def content_creator_documents(call: Call) -> dict:
    """As its documents show it: keys sorted, and spaces."""
    return {"X-Webhook-Signature": "sha256=" + hmac_sha256(call.text_key, rewritten(call, sort_keys=True)).hex()}


def x2c(call: Call) -> dict:
    """It signs `json.dumps(payload, ensure_ascii=False)` and sends `json=payload`, which is escaped. Its fourth header is
    one that nobody may believe."""
    signature = "sha256=" + hmac_sha256(call.text_key, rewritten(call, ensure_ascii=False)).hex()
    return {"X-Webhook-Timestamp": now(), "X-Webhook-Signature": signature, "X-Webhook-Secret": "not to be believed"}


def idp(call: Call) -> dict:
    """It signs with spaces and sends without; the timestamp is not signed."""
    signature = "sha256=" + hmac_sha256(call.text_key, rewritten(call, ensure_ascii=False)).hex()
    return {"X-IDP-Timestamp": now(), "X-IDP-Signature": signature}


# --- With a timestamp -------------------------------------------------------------------------------------------------


def stamped(call: Call) -> dict:
    """`t=…,v1=…`: docs.mux.com, elevenlabs.io/docs (`v0`). Options: header, field."""
    return {call.option("header"): moment_and_signature(call, call.option("field", "v1"))}


def stripe(call: Call) -> dict:
    """docs.stripe.com/webhooks/signature: the secret with its `whsec_` is the key, and test events carry a `v0`, too."""
    return {"Stripe-Signature": moment_and_signature(call, "v1") + ",v0=" + "0" * 64}


def moment_and_signature(call: Call, field_name: str) -> str:
    moment = now()
    return f"t={moment},{field_name}=" + hmac_sha256(call.text_key, f"{moment}.".encode() + call.body).hex()


def slack(call: Call) -> dict:
    """docs.slack.dev/authentication/verifying-requests-from-slack"""
    moment = now()
    signature = "v0=" + hmac_sha256(call.text_key, f"v0:{moment}:".encode() + call.body).hex()
    return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": signature}


def kie(call: Call) -> dict:
    """docs.kie.ai webhook verification: taskId + "." + timestamp, and nothing of the body beside."""
    moment, data = now(), json.loads(call.body).get("data") or {}
    task = data.get("task_id") or data.get("taskId") or ""
    return {"X-Webhook-Timestamp": moment, "X-Webhook-Signature": base64_of(hmac_sha256(call.text_key, f"{task}.{moment}".encode()))}


# --- Ed25519 with published keys --------------------------------------------------------------------------------------


def fal(call: Call) -> dict:
    """docs.fal.ai, webhooks: four lines, the last the digest of the body."""
    request, user, moment = call.own("X-Fal-Webhook-Request-Id", "request-1"), "user-1", now()
    signature = published(call, [request, user, moment])
    return {
        "X-Fal-Webhook-Request-Id": request,
        "X-Fal-Webhook-User-Id": user,
        "X-Fal-Webhook-Timestamp": moment,
        "X-Fal-Webhook-Signature": signature,
    }


def ideogram(call: Call) -> dict:
    """developer.ideogram.ai/ideogram-api/webhooks: likewise; its key id is only a hint."""
    generation, user, moment = call.own("X-Ideogram-Webhook-Generation-Id", "generation-1"), "user-1", now()
    return {
        "X-Ideogram-Webhook-Generation-Id": generation,
        "X-Ideogram-Webhook-User-Id": user,
        "X-Ideogram-Webhook-Timestamp": moment,
        "X-Ideogram-Webhook-Key-Id": "the-vendor-1",
        "X-Ideogram-Webhook-Signature": published(call, [generation, user, moment]),
    }


def published(call: Call, lines: list) -> str:
    content = "\n".join([*lines, hashlib.sha256(call.body).hexdigest()])
    return call.private_key.sign(content.encode()).hex()


def jwks() -> str:
    """The vendor's published keys: the one that it signs with, another one, and one of another kind."""

    def key(private: Ed25519PrivateKey) -> dict:
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(public).decode().rstrip("=")}

    old = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"the vendor, last year").digest())
    return json.dumps({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, key(old), key(Call(b"", {}).private_key)]})


def public_key() -> str:
    """As Standard Webhooks writes it."""
    return "whpk_" + base64_of(Call(b"", {}).private_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


SENDERS = {
    "none": nothing,
    "token": nothing,
    "header": header,
    "basic": basic,
    "standard-webhooks": standard_webhooks,
    "standard-webhooks-ed25519": standard_webhooks_ed25519,
    "svix": svix,
    "hex": hex_of_body,
    "base64": base64_of_body,
    "mindee": mindee,
    "content-creator": content_creator,
    "content-creator-documents": content_creator_documents,
    "x2c": x2c,
    "idp": idp,
    "stamped": stamped,
    "stripe": stripe,
    "slack": slack,
    "kie": kie,
    "fal": fal,
    "ideogram": ideogram,
}

# What `secret` may be instead of a text: what the vendor publishes.
PUBLISHED = {"@jwks": jwks, "@public-key": public_key}
