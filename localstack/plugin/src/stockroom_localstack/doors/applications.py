"""What the platform serves to pages of other origins, as AWS does: deployed APIs, function URLs, web sites, and buckets
for those whom their own CORS configuration allows.

It is asked before LocalStack sees the request (loopback_server.py), and asks LocalStack where it would go: what is let
in here can't end at another of its APIs.
"""

from __future__ import annotations

import hmac
from functools import cache
from typing import Any

from localstack.aws.handlers import cors, preprocess_request
from localstack.aws.handlers.cors import CorsEnforcer
from localstack.http.request import get_raw_path
from localstack.services.edge import ROUTER
from localstack.utils.patch import patch
from stockroom_emulation import admission
from stockroom_emulation.admission import Policy
from werkzeug import Request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from . import signing

ROUTED = "stockroom.application"  # in the WSGI environment of what a web application answers
HOSTS = (".execute-api.", ".lambda-url.", ".s3-website.")
PATHS = ("/_aws/execute-api/<api_id>", "/restapis/<api_id>/<stage>/_user_request_")
OWN_PATHS = ("/_localstack", "/_stockroom", "/_aws")
READING = ("GET", "HEAD")


def refusal(policy: Policy, environ: dict[str, Any]) -> str | None:
    """Why a request that may reach applications only is refused; None when one of them answers it."""
    request = Request(environ)
    rule = _rule_of(request)
    if rule and _is_of_an_application(rule, request):
        environ[ROUTED] = True
        return None
    if not rule and _bucket_allows(policy, request):
        return None
    origin = request.headers.get("Origin") or request.headers.get("Referer")
    return admission.reason_for([origin] if origin else [])


def _rule_of(request: Request) -> Rule | None:
    """The rule of LocalStack's router for this request, found as the router finds it."""
    try:
        rule, _ = ROUTER.url_map.bind(server_name=request.host).match(
            get_raw_path(request), method=request.method, return_rule=True
        )
    except HTTPException:
        return None
    return rule


def _is_of_an_application(rule: Rule, request: Request) -> bool:
    if rule.rule.startswith(PATHS):
        return True
    # What the emulator says of itself it says under every host.
    return any(host in (rule.host or "") for host in HOSTS) and not request.path.startswith(OWN_PATHS)


def _bucket_allows(policy: Policy, request: Request) -> bool:
    handler = _s3_cors_handler()
    bucket = handler.pre_parse_s3_request(request)[1] if handler else None
    if bucket is None:
        return False
    configuration = handler.bucket_cors_index.cors.get(bucket)
    if origin := request.headers.get("Origin"):
        allowed = configuration and handler.match_rules(request, configuration["CORSRules"])
        return bool(allowed) or (request.method == "POST" and _is_signed_form(request))
    # Without an Origin nobody can read the answer; it is shown, on a page that the user trusts.
    origin = admission.origin_of(request.headers.get("Referer", ""))
    return request.method in READING and admission.is_trusted(policy, None, origin)


def _s3_cors_handler() -> Any:
    """LocalStack's handler of CORS, which knows the buckets; None while S3 has not started."""
    from localstack.services.s3.cors import S3CorsHandler

    return next((one for one in preprocess_request.handlers if isinstance(one, S3CorsHandler)), None)


def _is_signed_form(request: Request) -> bool:
    """Whether the policy of a form upload is signed with a key that this platform has given to somebody. The key `test`
    is everybody's, so it signs nothing here. What the policy says is looked at where S3 does (s3/forms.py)."""
    fields = {name.lower(): value for name, value in request.form.items()}
    request.environ["wsgi.input"].seek(0)
    policy, given = fields.get("policy", ""), fields.get("x-amz-signature", "")
    try:
        credential = signing.credential_of(fields.get("x-amz-credential", ""))
    except signing.MalformedParametersError:
        return False
    secret = _secret_of(credential.access_key)
    return secret is not None and hmac.compare_digest(signing.signature(secret, credential, policy), given)


def _secret_of(access_key: str) -> str | None:
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    users = (iam for partitions in iam_backends.values() for iam in partitions.values())
    roles = (sts for partitions in sts_backends.values() for sts in partitions.values())
    found: Any = next((key for iam in users if (key := iam.access_keys.get(access_key))), None)
    found = found or next((role for sts in roles if (role := sts.get_assumed_role_from_access_key(access_key))), None)
    return str(found.secret_access_key) if found else None


@cache
def trust_nobody_else(policy: Policy) -> None:
    """Take from LocalStack's list the pages that it trusts: of its own company, of files, of ports that it does not
    have."""
    # Patches, because LocalStack's lists can only be made longer.

    def is_allowed(headers: Headers) -> bool:
        host = admission.place_of(headers.get("Host", ""))
        pages = [headers.get("Origin") or "", admission.origin_of(headers.get("Referer") or "")]
        return all(admission.is_trusted(policy, host, page) for page in pages if page)

    CorsEnforcer.is_cors_origin_allowed = staticmethod(is_allowed)  # type: ignore[method-assign]

    @patch(cors.should_enforce_self_managed_service)
    def should_enforce(original: Any, context: Any) -> bool:
        return ROUTED not in context.request.environ and bool(original(context))
