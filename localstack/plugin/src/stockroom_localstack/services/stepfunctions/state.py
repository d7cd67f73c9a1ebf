"""Executions that run can't be saved: they are threads."""

from __future__ import annotations

from typing import Any

from localstack.services.stepfunctions.backend.store import sfn_stores

from stockroom_localstack.state.hooks import StateHooks


class StepFunctionsHooks(StateHooks):
    """An execution that runs prevents saving."""

    def why_not_saved(self, provider: Any) -> str | None:
        for _, _, store in list(sfn_stores.iter_stores()):
            for arn, execution in list(store.executions.items()):
                if execution.exec_status == "RUNNING":
                    return f"an execution of Step Functions is running: {arn}"
        return None


HOOKS = StepFunctionsHooks()
