"""The provider of EventBridge Scheduler."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.scheduler import ResourceNotFoundException, ValidationException
from localstack.services.moto import MotoFallbackDispatcher, call_moto
from localstack.services.plugins import Service
from localstack.services.scheduler.provider import SchedulerProvider
from moto.scheduler.models import Schedule, scheduler_backends

from stockroom_localstack.services.events import schedules
from stockroom_localstack.services.events.clock import CLOCK
from stockroom_localstack.services.events.deliveries import deliver

from .targets import ScheduleDelivery, why_not_done

CLOCK_KEY = "schedule "
DELETE, NONE = "DELETE", "NONE"
DEFAULT = "default"
INSTANT = timedelta(microseconds=1)


class StockroomSchedulerProvider(SchedulerProvider):
    """LocalStack's provider with schedules that fire."""

    def resume(self) -> None:
        """Go on with the schedules of a state that was loaded. What was due once in the meantime happens now."""
        CLOCK.drop_all(CLOCK_KEY)
        for backends in list(scheduler_backends.values()):
            for backend in list(backends.values()):
                for group in list(backend.schedule_groups.values()):
                    for schedule in list(group.schedules.values()):
                        _plan(schedule, is_new=False)

    @handler("CreateSchedule", expand=False)
    def create_schedule(self, context: RequestContext, request: Any) -> Any:  # type: ignore[override]
        _validate(request)
        if (request.get("GroupName") or DEFAULT) not in scheduler_backends[context.account_id][
            context.region
        ].schedule_groups:
            raise ResourceNotFoundException(f"Schedule group {request['GroupName']} does not exist.")
        answer = call_moto(context)
        _plan(_found(context, request))
        return answer

    @handler("UpdateSchedule", expand=False)
    def update_schedule(self, context: RequestContext, request: Any) -> Any:  # type: ignore[override]
        _validate(request)
        answer = call_moto(context)
        schedule: Any = _found(context, request)
        # What moto leaves as it was, or as nothing.
        schedule.state = request.get("State") or "ENABLED"
        schedule.action_after_completion = request.get("ActionAfterCompletion") or NONE
        _plan(schedule)
        return answer


def _validate(request: Any) -> None:
    """Raises ValidationException for what AWS refuses, and for what would never happen here."""
    try:
        zone = schedules.zone_of(request.get("ScheduleExpressionTimezone") or "UTC")
        schedules.parse(request["ScheduleExpression"], datetime.now(UTC), zone)
    except schedules.ExpressionError as error:
        raise ValidationException(f"Invalid Schedule Expression {request['ScheduleExpression']}. {error}") from error
    window = request["FlexibleTimeWindow"]
    if (window["Mode"] == "FLEXIBLE") != bool(window.get("MaximumWindowInMinutes")):
        raise ValidationException("MaximumWindowInMinutes is required for a FLEXIBLE window, and for no other")
    start, end = request.get("StartDate"), request.get("EndDate")
    if start and end and end <= start:
        raise ValidationException("The EndDate you specify must come after the StartDate")
    if reason := why_not_done(request["Target"]):
        raise ValidationException(reason)


def _found(context: RequestContext, request: Any) -> Schedule:
    backend = scheduler_backends[context.account_id][context.region]
    return backend.get_schedule(request.get("GroupName"), request["Name"])


def _plan(schedule: Any, is_new: bool = True) -> None:
    """is_new: it was made or changed just now; otherwise it was loaded."""
    now = datetime.now(UTC)
    if is_new:
        schedule.is_over = False
    if schedule.state == "DISABLED" or getattr(schedule, "is_over", False):
        CLOCK.drop(_key(schedule))
        return
    start, end = _moment(schedule.start_date), _moment(schedule.end_date)
    times = _times(schedule, now if is_new else _moment(schedule.creation_date) or now)
    if isinstance(times, schedules.Once):
        if end and times.moment > end:
            schedule.is_over = True
        else:
            _plan_time(schedule, max(times.moment, start or times.moment))
    else:
        after = max(now, start - INSTANT) if start else now - INSTANT if is_new else now
        _plan_next(schedule, times, after)


def _times(schedule: Any, made: datetime) -> schedules.Schedule:
    zone = schedules.zone_of(schedule.schedule_expression_timezone)
    return schedules.parse(schedule.schedule_expression, _moment(schedule.start_date) or made, zone)


def _plan_next(schedule: Any, times: schedules.Schedule, after: datetime) -> None:
    following, end = times.after(after), _moment(schedule.end_date)
    if following is None or (end and following > end):
        schedule.is_over = True
        if schedule.action_after_completion == DELETE:
            _group(schedule).schedules.pop(schedule.name, None)
    else:
        _plan_time(schedule, following)


def _plan_time(schedule: Any, due: datetime) -> None:
    window = timedelta(minutes=schedule.flexible_time_window.get("MaximumWindowInMinutes") or 0)
    when = due + window * random.random()  # noqa: S311  # no secret
    CLOCK.plan(_key(schedule), when.timestamp(), lambda: _fire(schedule, due))


def _fire(schedule: Any, due: datetime) -> None:
    group = _group(schedule)
    if not group or group.schedules.get(schedule.name) is not schedule:  # it was deleted
        return
    delivery = ScheduleDelivery(schedule.target, schedule=schedule.arn, time=due.timestamp())
    _plan_next(schedule, _times(schedule, due), max(due, datetime.now(UTC)))
    deliver(delivery)


def _group(schedule: Any) -> Any:
    _, _, _, region, account, _ = schedule.arn.split(":", 5)
    return scheduler_backends[account][region].schedule_groups.get(schedule.group_name)


def _key(schedule: Any) -> str:
    return f"{CLOCK_KEY}{schedule.arn}"


def _moment(timestamp: float | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(float(timestamp), UTC)


def create() -> Service:
    """LocalStack's service with this provider."""
    return Service.for_provider(StockroomSchedulerProvider(), dispatch_table_factory=MotoFallbackDispatcher)
