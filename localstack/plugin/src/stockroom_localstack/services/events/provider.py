"""The provider of EventBridge: rules, their schedules, replays, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.events.models import Rule, ValidationException
from localstack.services.events.provider import EventsProvider
from localstack.services.events.rule import RuleService
from localstack.services.events.utils import is_archive_arn
from localstack.services.plugins import Service
from localstack.utils.event_matcher import matches_event
from localstack.utils.strings import long_uid
from localstack.utils.time import TIMESTAMP_FORMAT_TZ, timestamp
from localstack.utils.xray.trace_header import TraceHeader

from . import deliveries, replays, schedules, targets
from .clock import CLOCK
from .deliveries import deliver
from .targets import RuleDelivery, why_not_done

CLOCK_KEY = "rule "


class StockroomEventsProvider(EventsProvider):
    """LocalStack's provider with schedules, deliveries and replays as on AWS."""

    def on_before_start(self) -> None:
        # Without LocalStack's own thread, which looks once a minute what may be due.
        targets.apply_patches()
        replays.apply_patches()
        rules: Any = RuleService
        rules.create_schedule_job = _leave_it_to_the_clock

    def on_before_stop(self) -> None:
        CLOCK.drop_all(CLOCK_KEY)

    def resume(self) -> None:
        """Go on with schedules and retries of a state that was loaded."""
        CLOCK.drop_all(CLOCK_KEY)
        for service in list(self._rule_services_store.values()):
            self._plan(service.rule)
        deliveries.resume()

    # Rules

    def put_rule(self, context: RequestContext, name: str, *arguments: Any, **options: Any) -> Any:
        answer = super().put_rule(context, name, *arguments, **options)
        self._plan(self._rule_services_store[str(answer["RuleArn"])].rule)
        return answer

    def put_targets(self, context: RequestContext, rule: str, targets: Any, *arguments: Any, **options: Any) -> Any:
        for target in targets:
            if reason := why_not_done(target.get("Arn", "")):
                raise ValidationException(reason)
        return super().put_targets(context, rule, targets, *arguments, **options)

    def _process_rules(self, rule: Rule, region: str, account_id: str, event_formatted: Any, trace_header: Any) -> None:
        if rule.state == "DISABLED" or not matches_event(rule.event_pattern, event_formatted):
            return
        if not self._is_replayed_to(rule, region, account_id, event_formatted):
            return
        for target in list(rule.targets.values()):
            if is_archive_arn(target["Arn"]):
                self._put_to_archive(region, account_id, archive_target_id=target["Id"], event=event_formatted)
            else:
                self._deliver(rule, target, event_formatted, trace_header)

    def _deliver(self, rule: Rule, target: Any, event: Any, trace: Any) -> None:
        sender = self._target_sender_store.get(f"{rule.arn}-{target['Id']}")
        if sender:
            deliver(RuleDelivery(target, sender=sender, event=event, trace=trace))

    def _is_replayed_to(self, rule: Rule, region: str, account_id: str, event: Any) -> bool:
        """Whether the rule is one of those that a replay names, if it names any."""
        found = self.get_store(region, account_id).replays.get(event.get("replay-name"))
        wanted = found.destination.get("FilterArns") if found else None
        return not wanted or rule.arn in wanted

    # Schedules of rules

    def _plan(self, rule: Rule) -> None:
        if not rule.schedule_expression:
            CLOCK.drop(f"{CLOCK_KEY}{rule.arn}")
            return
        now = datetime.now(UTC)
        self._plan_next(rule, schedules.parse(rule.schedule_expression, now), now)

    def _plan_next(self, rule: Rule, schedule: schedules.Schedule, after: datetime) -> None:
        if following := schedule.after(after):
            CLOCK.plan(f"{CLOCK_KEY}{rule.arn}", following.timestamp(), lambda: self._fire(rule, schedule, following))

    def _fire(self, rule: Rule, schedule: schedules.Schedule, due: datetime) -> None:
        known = self._rule_services_store.get(rule.arn)
        if known is None or known.rule is not rule:  # it was deleted, or is another now
            return
        self._plan_next(rule, schedule, max(due, datetime.now(UTC)))
        if rule.state == "DISABLED":
            return
        for target in list(rule.targets.values()):
            event = {
                "version": "0",
                "id": long_uid(),
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": rule.account_id,
                "time": timestamp(due, format=TIMESTAMP_FORMAT_TZ),
                "region": rule.region,
                "resources": [rule.arn],
                "detail": {},
            }
            self._deliver(rule, target, event, TraceHeader().ensure_root_exists())


def _leave_it_to_the_clock(_: RuleService, __: Any) -> None:
    """In place of a job for LocalStack's own thread, of which each call of PutTargets makes another."""


def create() -> Service:
    """LocalStack's service with this provider."""
    return Service.for_provider(StockroomEventsProvider())
