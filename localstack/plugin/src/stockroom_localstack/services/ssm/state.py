"""moto's SSM is imported without its EC2."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from stockroom_localstack.state.hooks import StateHooks


class SsmHooks(StateHooks):
    """Its parameters are read without moto's EC2."""

    def before_reading(self) -> None:
        """moto's SSM imports its EC2, to look for the instances that a command is sent to. That reads the descriptions
        of all types of instances, which takes longer than all the rest of reading the stores."""
        if "moto.ssm" in sys.modules or "moto.ec2" in sys.modules:
            return

        class Later:
            def __getitem__(self, account_id: str) -> Any:
                from moto.ec2.models import ec2_backends

                return ec2_backends[account_id]

        stand_in: Any = ModuleType("moto.ec2")
        stand_in.ec2_backends = Later()
        sys.modules["moto.ec2"] = stand_in
        try:
            import moto.ssm.models  # noqa: F401
        finally:
            del sys.modules["moto.ec2"]


HOOKS = SsmHooks()
