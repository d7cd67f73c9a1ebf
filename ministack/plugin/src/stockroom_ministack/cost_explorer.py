"""Cost Explorer's anomaly monitors and subscriptions, which MiniStack lacks. They watch nothing: there is no spending
here."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from ministack import app
from ministack.core import router
from ministack.core.responses import AccountScopedDict, error_response_json, get_account_id

Shape = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]

# dict[str, Shape] by ARN, in the shapes of the API; of the account that asks.
_monitors: Any = AccountScopedDict()
_subscriptions: Any = AccountScopedDict()
_tags: Any = AccountScopedDict()

# The addresses that AWS takes for each frequency.
SUBSCRIBER_TYPE = {"IMMEDIATE": "SNS", "DAILY": "EMAIL", "WEEKLY": "EMAIL"}


class CostExplorerError(Exception):
    """What AWS refuses: a code and a message."""


def patch() -> None:
    """Let MiniStack answer for the service `ce`."""
    app.SERVICE_HANDLERS["ce"] = handle
    router.SERVICE_PATTERNS["ce"] = {
        "target_prefixes": ["AWSInsightsIndexService"],
        "host_patterns": [r"ce\."],
        "credential_scope": "ce",
    }


async def handle(_method: str, _path: str, headers: dict[str, str], body: bytes, _query: Any) -> Answer:
    """MiniStack's interface of a service."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        if operation not in ANSWERS:
            raise CostExplorerError("ValidationException", f"{operation} is not there in this emulator")
        answer = ANSWERS[operation](json.loads(body or b"{}"))
    except CostExplorerError as error:
        refused: Answer = error_response_json(*error.args, 400)
        return refused
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()


def create_monitor(request: Shape) -> Shape:
    """CreateAnomalyMonitor. Raises LimitExceededException for a second one of a dimension."""
    monitor = request["AnomalyMonitor"]
    dimension = monitor.get("MonitorDimension")
    if dimension and any(known.get("MonitorDimension") == dimension for known in _monitors.values()):
        raise CostExplorerError("LimitExceededException", "Limit exceeded on dimensional spend monitor creation")
    today = datetime.now(UTC).date().isoformat()
    arn = f"arn:aws:ce::{get_account_id()}:anomalymonitor/{uuid4()}"
    _monitors[arn] = monitor | {"MonitorArn": arn, "CreationDate": today, "LastUpdatedDate": today}
    _tags[arn] = _by_key(request)
    return {"MonitorArn": arn}


def get_monitors(request: Shape) -> Shape:
    """GetAnomalyMonitors: those of the ARNs, or all. Raises UnknownMonitorException."""
    arns = request.get("MonitorArnList")
    return {"AnomalyMonitors": [_monitor(arn) for arn in arns] if arns else list(_monitors.values())}


def update_monitor(request: Shape) -> Shape:
    """UpdateAnomalyMonitor. Raises UnknownMonitorException."""
    arn = request["MonitorArn"]
    _monitors[arn] = _monitor(arn) | request | {"LastUpdatedDate": datetime.now(UTC).date().isoformat()}
    return {"MonitorArn": arn}


def delete_monitor(request: Shape) -> Shape:
    """DeleteAnomalyMonitor. Raises UnknownMonitorException."""
    _monitor(request["MonitorArn"])
    del _monitors[request["MonitorArn"]], _tags[request["MonitorArn"]]
    return {}


def create_subscription(request: Shape) -> Shape:
    """CreateAnomalySubscription. Raises ValidationException, UnknownMonitorException."""
    arn = f"arn:aws:ce::{get_account_id()}:anomalysubscription/{uuid4()}"
    own = {"SubscriptionArn": arn, "AccountId": get_account_id()}
    _subscriptions[arn] = _checked(request["AnomalySubscription"] | own)
    _tags[arn] = _by_key(request)
    return {"SubscriptionArn": arn}


def get_subscriptions(request: Shape) -> Shape:
    """GetAnomalySubscriptions: those of the ARNs or of a monitor, or all. Raises UnknownSubscriptionException."""
    arns, monitor = request.get("SubscriptionArnList"), request.get("MonitorArn")
    found = [_subscription(arn) for arn in arns] if arns else list(_subscriptions.values())
    return {"AnomalySubscriptions": [one for one in found if not monitor or monitor in one["MonitorArnList"]]}


def update_subscription(request: Shape) -> Shape:
    """UpdateAnomalySubscription. Raises as CreateAnomalySubscription, and UnknownSubscriptionException."""
    arn = request["SubscriptionArn"]
    _subscriptions[arn] = _checked(_subscription(arn) | request)
    return {"SubscriptionArn": arn}


def delete_subscription(request: Shape) -> Shape:
    """DeleteAnomalySubscription. Raises UnknownSubscriptionException."""
    _subscription(request["SubscriptionArn"])
    del _subscriptions[request["SubscriptionArn"]], _tags[request["SubscriptionArn"]]
    return {}


def tag(request: Shape) -> Shape:
    """TagResource."""
    _tags[request["ResourceArn"]] = _tags_of(request) | _by_key(request)
    return {}


def untag(request: Shape) -> Shape:
    """UntagResource."""
    kept = {key: value for key, value in _tags_of(request).items() if key not in request["ResourceTagKeys"]}
    _tags[request["ResourceArn"]] = kept
    return {}


def list_tags(request: Shape) -> Shape:
    """ListTagsForResource."""
    return {"ResourceTags": [{"Key": key, "Value": value} for key, value in _tags_of(request).items()]}


def _by_key(request: Shape) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("ResourceTags") or []}


def _tags_of(request: Shape) -> dict[str, str]:
    arn = request["ResourceArn"]
    if arn not in _tags:
        raise CostExplorerError("ResourceNotFoundException", f"Resource not found: {arn}")
    return dict(_tags[arn])


def _monitor(arn: str) -> Shape:
    if arn not in _monitors:
        raise CostExplorerError("UnknownMonitorException", f"No anomaly monitor {arn}")
    return dict(_monitors[arn])


def _subscription(arn: str) -> Shape:
    if arn not in _subscriptions:
        raise CostExplorerError("UnknownSubscriptionException", f"No anomaly subscription {arn}")
    return dict(_subscriptions[arn])


def _checked(subscription: Shape) -> Shape:
    """The subscription with the state that AWS gives its subscribers. Raises what AWS refuses."""
    for arn in subscription["MonitorArnList"]:
        _monitor(arn)
    wanted = SUBSCRIBER_TYPE[subscription["Frequency"]]
    if any(one["Type"] != wanted for one in subscription["Subscribers"]):
        message = f"Frequency {subscription['Frequency']} takes {wanted} subscribers only"
        raise CostExplorerError("ValidationException", message)
    return subscription | {"Subscribers": [{"Status": "CONFIRMED"} | one for one in subscription["Subscribers"]]}


ANSWERS: dict[str, Callable[[Shape], Shape]] = {
    "CreateAnomalyMonitor": create_monitor,
    "GetAnomalyMonitors": get_monitors,
    "UpdateAnomalyMonitor": update_monitor,
    "DeleteAnomalyMonitor": delete_monitor,
    "CreateAnomalySubscription": create_subscription,
    "GetAnomalySubscriptions": get_subscriptions,
    "UpdateAnomalySubscription": update_subscription,
    "DeleteAnomalySubscription": delete_subscription,
    "TagResource": tag,
    "UntagResource": untag,
    "ListTagsForResource": list_tags,
}
