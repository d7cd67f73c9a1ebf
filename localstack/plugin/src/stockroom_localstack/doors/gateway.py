"""Work that LocalStack's gateway does for every request and that nobody has a use for."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from boto3.session import Session
from localstack.aws.api import RequestContext
from localstack.aws.handlers import region
from localstack.aws.handlers.internal import LocalstackResourceHandler
from localstack.aws.handlers.service import ServiceResponseParser
from localstack.http import Response
from localstack.utils.patch import patch

ERRORS = 400  # and every status above
OWN_ADDRESSES = "/_"


def known_regions() -> list[str]:
    """Names of AWS's regions, found as LocalStack's handler finds them."""
    return list(Session().get_available_regions("s3", "aws"))


@cache
def skip_what_nobody_needs() -> None:
    """Change the gateway's handlers, whose list is made in one piece."""

    @patch(ServiceResponseParser.__call__)
    def parse(original: Any, self: Any, chain: Any, context: RequestContext, response: Response) -> None:
        # What backends (DynamoDB Local, moto) answer is passed on as it is: only the log of every
        # request in full, at LS_LOG=trace, reads what is in those answers that tell no error.
        if response.status_code >= ERRORS or logging.getLogger("localstack.request.aws").isEnabledFor(logging.DEBUG):
            original(self, chain, context, response)

    # LocalStack reads the list of all endpoints for each of the requests that come first.
    region.DefaultRegionRewriterStrategy.available_regions = known_regions()  # type: ignore[assignment, method-assign]

    @patch(LocalstackResourceHandler.__call__)
    def serve_own(original: Any, self: Any, chain: Any, context: RequestContext, response: Response) -> None:
        # All of the emulator's own addresses begin like this; to find that out, LocalStack tries each of them.
        if context.request.path.startswith(OWN_ADDRESSES):
            original(self, chain, context, response)
