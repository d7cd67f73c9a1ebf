"""A secret that is made without a value has no version, so that it can be seen that the value is missing."""

import json
from typing import Any

from ministack.services import secretsmanager


def patch() -> None:
    """Have a secret that is created without a value hold none."""
    create = secretsmanager._create_secret

    def create_secret(request: dict[str, Any]) -> Any:
        answer = create(request)
        if answer[0] != 200 or "SecretString" in request or "SecretBinary" in request:
            return answer
        secretsmanager._secrets[request["Name"]]["Versions"].clear()
        status, headers, body = answer
        told = {name: value for name, value in json.loads(body).items() if name != "VersionId"}
        return status, headers, json.dumps(told).encode()

    secretsmanager._create_secret = create_secret
