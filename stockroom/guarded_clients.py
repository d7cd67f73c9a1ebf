"""Guards for every client of a session: AWS itself is asked, and a bucket is of the account that it should be of."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stockroom.errors import StockroomError
from stockroom.settings import is_aws

if TYPE_CHECKING:
    import botocore.session
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.model import OperationModel


def only_aws(core: botocore.session.Session) -> None:
    """Let no client of the session send a request to anything but an HTTPS endpoint of AWS.

    That goes for every request: also for one that follows a redirect, and for those by which botocore itself asks for
    credentials (roles, SSO, web identity). A StockroomError is raised in place of the request.
    """
    core.register("before-send", _check_address)


def _check_address(**event: Any) -> None:
    request: AWSPreparedRequest = event["request"]
    if not is_aws(request.url) or urlsplit(request.url).scheme != "https":
        parts = urlsplit(request.url)
        raise StockroomError(
            f"a call was to go to {parts.scheme}://{parts.netloc}, which is no endpoint of AWS",
            "look for endpoint_url in the AWS configuration, and choose another profile with AWS_PROFILE",
        )


def expect_owner(core: botocore.session.Session, account_id: str) -> None:
    """Let every call about a bucket fail (with AccessDenied) where the bucket is not of this account.

    Names of buckets are the world's: without it, whoever made one of that name first would get what is meant for ours.
    A call that names an owner itself keeps it.
    """
    core.register("before-parameter-build.s3", partial(_add_owner, account_id))


def _add_owner(account_id: str, **event: Any) -> None:
    model: OperationModel = event["model"]
    params: dict[str, Any] = event["params"]
    if "Bucket" in params and model.input_shape and "ExpectedBucketOwner" in model.input_shape.members:
        params.setdefault("ExpectedBucketOwner", account_id)
