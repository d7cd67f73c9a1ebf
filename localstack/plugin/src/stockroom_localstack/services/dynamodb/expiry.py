"""Items of tables whose time to live has passed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache

from localstack.services.dynamodb.models import dynamodb_stores
from localstack.services.dynamodb.v2 import provider
from localstack.utils.patch import patch

LOG = logging.getLogger(__name__)

# What is older was meant to be something else, such as a year: the service leaves it.
LONGEST_AGO_SECONDS = 5 * 365 * 24 * 60 * 60

# Of an account and region, a table, an attribute, and two moments between which it is: how many items it has deleted.
Expire = Callable[[str, str, str, str, int, int], int]


@cache
def apply_patches(expire: Expire) -> None:
    """Have LocalStack delete as the service itself does.

    It deletes as a user would, so that nobody who reads a table's stream can tell the two apart.
    """
    patch(provider.delete_expired_items, pass_target=False)(lambda: delete_expired_items(expire))


def delete_expired_items(expire: Expire) -> int:
    """Delete what has expired in all tables, and return how many items that were."""
    now = int(time.time())
    deleted = 0
    for account, region, store in dynamodb_stores.iter_stores():
        for table, lives in list(store.ttl_specifications.items()):
            if lives.get("Enabled"):
                try:
                    deleted += expire(account, region, table, lives["AttributeName"], now - LONGEST_AGO_SECONDS, now)
                except Exception:
                    LOG.warning("What has expired in the table %s could not be deleted", table, exc_info=True)
    return deleted
