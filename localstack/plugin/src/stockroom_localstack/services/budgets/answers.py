"""What moto lacks of budgets: changes, the subscribers of notifications, and tags. Nothing is ever spent here, so no
notification is ever sent."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.services.moto import call_moto
from moto.budgets.models import Budget, Notification, budgets_backends

Shape = dict[str, Any]

# By the budget's ARN.
_tags: defaultdict[str, dict[str, str]] = defaultdict(dict)


def create_budget(context: RequestContext, request: Shape) -> Shape:
    """CreateBudget: its tags are remembered."""
    answer: Shape = call_moto(context)
    arn = f"arn:aws:budgets::{request['AccountId']}:budget/{request['Budget']['BudgetName']}"
    _tags[arn] = {tag["Key"]: tag["Value"] for tag in request.get("ResourceTags") or []}
    return answer


def update_budget(context: RequestContext, request: Shape) -> Shape:
    """UpdateBudget: what the new budget leaves out is gone, but for its time period. Raises NotFoundException."""
    new = request["NewBudget"]
    budget = _budget(context, request["AccountId"], new["BudgetName"])
    budget.budget = Budget({"TimePeriod": budget.budget["TimePeriod"]} | new, []).budget
    return {}


def describe_subscribers(context: RequestContext, request: Shape) -> Shape:
    """DescribeSubscribersForNotification. Raises NotFoundException."""
    return {"Subscribers": _notification(context, request).subscribers}


def create_subscriber(context: RequestContext, request: Shape) -> Shape:
    """CreateSubscriber. Raises NotFoundException."""
    _notification(context, request).subscribers.append(request["Subscriber"])
    return {}


def delete_subscriber(context: RequestContext, request: Shape) -> Shape:
    """DeleteSubscriber. Raises NotFoundException."""
    subscribers: list[Shape] = _notification(context, request).subscribers
    if request["Subscriber"] not in subscribers:
        raise _missing("subscriber")
    subscribers.remove(request["Subscriber"])
    return {}


def list_tags(context: RequestContext, request: Shape) -> Shape:
    """ListTagsForResource."""
    return {"ResourceTags": [{"Key": key, "Value": value} for key, value in _tags[request["ResourceARN"]].items()]}


def tag(context: RequestContext, request: Shape) -> Shape:
    """TagResource."""
    _tags[request["ResourceARN"]] |= {tag["Key"]: tag["Value"] for tag in request["ResourceTags"]}
    return {}


def untag(context: RequestContext, request: Shape) -> Shape:
    """UntagResource."""
    for key in request["ResourceTagKeys"]:
        _tags[request["ResourceARN"]].pop(key, None)
    return {}


def _budget(context: RequestContext, account_id: str, name: str) -> Budget:
    budgets = budgets_backends[context.account_id]["aws"].budgets[account_id]
    if name not in budgets:
        raise _missing(f"budget {name}")
    return budgets[name]


def _notification(context: RequestContext, request: Shape) -> Any:
    wanted = _identity(request["Notification"])
    known: list[Notification] = _budget(context, request["AccountId"], request["BudgetName"]).notifications
    for one in known:
        if _identity(one.details) == wanted:
            return one
    raise _missing("notification")


def _identity(notification: Shape) -> tuple[Any, ...]:
    return (
        notification["NotificationType"],
        notification["ComparisonOperator"],
        float(notification["Threshold"]),
        notification.get("ThresholdType", "PERCENTAGE"),
    )


def _missing(what: str) -> CommonServiceException:
    return CommonServiceException("NotFoundException", f"There is no such {what}", status_code=400, sender_fault=True)


ANSWERS = {
    "CreateBudget": create_budget,
    "UpdateBudget": update_budget,
    "DescribeSubscribersForNotification": describe_subscribers,
    "CreateSubscriber": create_subscriber,
    "DeleteSubscriber": delete_subscriber,
    "ListTagsForResource": list_tags,
    "TagResource": tag,
    "UntagResource": untag,
}
