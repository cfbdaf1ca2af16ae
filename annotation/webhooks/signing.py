"""Signatures by the Standard Webhooks convention (standardwebhooks.com), version 1.

signature = base64(HMAC-SHA256(secret, "<message id>.<unix seconds>.<body>")), sent as
`webhook-signature: v1,<signature>` beside `webhook-id` and `webhook-timestamp`. Receivers find
ready-made verifiers for their language there.
"""

import base64
import hashlib
import hmac
from uuid import UUID

PREFIX = "whsec_"
SECRET_BYTES = 32


def secret_of(server_key: str, webhook: UUID, version: int) -> str:
    """The secret both sides share: `whsec_` and base64 of 32 bytes.

    Derived from the server's own key, so it need not be stored; another `version` is another
    secret.
    """
    purpose = f"polyphony.webhook.{webhook}.{version}".encode()
    raw = hmac.new(server_key.encode(), purpose, hashlib.sha256).digest()
    return PREFIX + base64.b64encode(raw).decode()


def signed_headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a letter. `timestamp` in seconds since 1970."""
    signature = sign(secret, message_id, timestamp, body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """base64 of the HMAC; raises ValueError for a secret that doesn't begin with `whsec_`."""
    if not secret.startswith(PREFIX):
        raise ValueError("A webhook secret begins with whsec_.")
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    signed = b".".join([message_id.encode(), str(timestamp).encode(), body])
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
