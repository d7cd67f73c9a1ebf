"""Cost Explorer: moto's, with the anomaly monitors and subscriptions that it lacks. They watch nothing: there is no
spending here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.services.stores import AccountRegionBundle, BaseStore, CrossRegionAttribute
from localstack.utils.strings import long_uid
from moto.ce.models import CostExplorerBackend, ce_backends

Shape = dict[str, Any]

# The addresses that AWS takes for each frequency.
SUBSCRIBER_TYPE = {"IMMEDIATE": "SNS", "DAILY": "EMAIL", "WEEKLY": "EMAIL"}


class CostExplorerStore(BaseStore):
    """Of one account: dict[str, Shape] by ARN, in the shapes of the API."""

    monitors: Any = CrossRegionAttribute(default=dict)
    subscriptions: Any = CrossRegionAttribute(default=dict)


stores = AccountRegionBundle("ce", CostExplorerStore, validate=False)


def create_monitor(context: RequestContext, request: Shape) -> Shape:
    """CreateAnomalyMonitor. Raises LimitExceededException for a second one of a dimension."""
    monitors = _store(context).monitors
    monitor = request["AnomalyMonitor"]
    dimension = monitor.get("MonitorDimension")
    if dimension and any(known.get("MonitorDimension") == dimension for known in monitors.values()):
        raise _error("LimitExceededException", "Limit exceeded on dimensional spend monitor creation")
    today = datetime.now(UTC).date().isoformat()
    arn = f"arn:aws:ce::{context.account_id}:anomalymonitor/{long_uid()}"
    monitors[arn] = monitor | {"MonitorArn": arn, "CreationDate": today, "LastUpdatedDate": today}
    _moto(context).tag_resource(arn, request.get("ResourceTags") or [])
    return {"MonitorArn": arn}


def get_monitors(context: RequestContext, request: Shape) -> Shape:
    """GetAnomalyMonitors: those of the ARNs, or all. Raises UnknownMonitorException."""
    return {"AnomalyMonitors": _chosen(_store(context).monitors, request.get("MonitorArnList"), _find_monitor)}


def update_monitor(context: RequestContext, request: Shape) -> Shape:
    """UpdateAnomalyMonitor. Raises UnknownMonitorException."""
    monitor = _find_monitor(_store(context).monitors, request["MonitorArn"])
    monitor.update(request, LastUpdatedDate=datetime.now(UTC).date().isoformat())
    return {"MonitorArn": monitor["MonitorArn"]}


def delete_monitor(context: RequestContext, request: Shape) -> Shape:
    """DeleteAnomalyMonitor. Raises UnknownMonitorException."""
    store, arn = _store(context), request["MonitorArn"]
    _find_monitor(store.monitors, arn)
    del store.monitors[arn]
    _moto(context).tagger.delete_all_tags_for_resource(arn)
    return {}


def create_subscription(context: RequestContext, request: Shape) -> Shape:
    """CreateAnomalySubscription. Raises ValidationException, UnknownMonitorException."""
    store = _store(context)
    arn = f"arn:aws:ce::{context.account_id}:anomalysubscription/{long_uid()}"
    subscription = request["AnomalySubscription"] | {"SubscriptionArn": arn, "AccountId": context.account_id}
    store.subscriptions[arn] = _checked(store, subscription)
    _moto(context).tag_resource(arn, request.get("ResourceTags") or [])
    return {"SubscriptionArn": arn}


def get_subscriptions(context: RequestContext, request: Shape) -> Shape:
    """GetAnomalySubscriptions: those of the ARNs or of a monitor, or all. Raises UnknownSubscriptionException."""
    found = _chosen(_store(context).subscriptions, request.get("SubscriptionArnList"), _find_subscription)
    monitor = request.get("MonitorArn")
    return {"AnomalySubscriptions": [one for one in found if not monitor or monitor in one["MonitorArnList"]]}


def update_subscription(context: RequestContext, request: Shape) -> Shape:
    """UpdateAnomalySubscription. Raises as CreateAnomalySubscription, and UnknownSubscriptionException."""
    store = _store(context)
    subscription = _find_subscription(store.subscriptions, request["SubscriptionArn"])
    subscription.update(_checked(store, subscription | request))
    return {"SubscriptionArn": subscription["SubscriptionArn"]}


def delete_subscription(context: RequestContext, request: Shape) -> Shape:
    """DeleteAnomalySubscription. Raises UnknownSubscriptionException."""
    store, arn = _store(context), request["SubscriptionArn"]
    _find_subscription(store.subscriptions, arn)
    del store.subscriptions[arn]
    _moto(context).tagger.delete_all_tags_for_resource(arn)
    return {}


def _of_a_resource(context: RequestContext, request: Shape) -> Shape | None:
    """None hands the request to moto, which tags whatever it is asked to, there or not."""
    store, arn = _store(context), request["ResourceArn"]
    if arn not in {*store.monitors, *store.subscriptions, *_moto(context).cost_categories}:
        raise _error("ResourceNotFoundException", f"Resource not found: {arn}")
    return None


def _checked(store: CostExplorerStore, subscription: Shape) -> Shape:
    """The subscription with the state that AWS gives its subscribers. Raises what AWS refuses."""
    for arn in subscription["MonitorArnList"]:
        _find_monitor(store.monitors, arn)
    wanted = SUBSCRIBER_TYPE[subscription["Frequency"]]
    if any(one["Type"] != wanted for one in subscription["Subscribers"]):
        raise _error("ValidationException", f"Frequency {subscription['Frequency']} takes {wanted} subscribers only")
    return subscription | {"Subscribers": [{"Status": "CONFIRMED"} | one for one in subscription["Subscribers"]]}


def _chosen(
    known: dict[str, Shape], arns: Collection[str] | None, find: Callable[[dict[str, Shape], str], Shape]
) -> list[Shape]:
    return [find(known, arn) for arn in arns] if arns else list(known.values())


def _find_monitor(monitors: dict[str, Shape], arn: str) -> Shape:
    if found := monitors.get(arn):
        return found
    raise _error("UnknownMonitorException", f"No anomaly monitor {arn}")


def _find_subscription(subscriptions: dict[str, Shape], arn: str) -> Shape:
    if found := subscriptions.get(arn):
        return found
    raise _error("UnknownSubscriptionException", f"No anomaly subscription {arn}")


def _error(code: str, message: str) -> CommonServiceException:
    return CommonServiceException(code, message, status_code=400, sender_fault=True)


def _store(context: RequestContext) -> CostExplorerStore:
    return stores[context.account_id][context.region]


def _moto(context: RequestContext) -> CostExplorerBackend:
    return ce_backends[context.account_id]["aws"]


ANSWERS = {
    "CreateAnomalyMonitor": create_monitor,
    "GetAnomalyMonitors": get_monitors,
    "UpdateAnomalyMonitor": update_monitor,
    "DeleteAnomalyMonitor": delete_monitor,
    "CreateAnomalySubscription": create_subscription,
    "GetAnomalySubscriptions": get_subscriptions,
    "UpdateAnomalySubscription": update_subscription,
    "DeleteAnomalySubscription": delete_subscription,
    "TagResource": _of_a_resource,
    "UntagResource": _of_a_resource,
    "ListTagsForResource": _of_a_resource,
}
