"""What LocalStack imports and begins at its start that nobody has a use for here, and that takes a third of it.

- a DNS server, which the toolkit switches off, and what asks other DNS servers
- its check of requests to its own addresses, which is off by default, with all of OpenAPI
- pages that show its own API, counts of what is used, which are sent to its makers, and a debugger
- a certificate: the server makes its own when somebody wants one (loopback_server.py)
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

from plux.runtime.filter import global_plugin_filter

HOOKS = ("localstack.dns.*", "localstack.dev.*", "localstack.http.resources.*", "localstack.runtime.analytics:*")


def leave_out() -> None:
    """Keep LocalStack from importing and starting it. To be called before LocalStack is imported."""
    for hook in HOOKS:
        global_plugin_filter.add_exclusion(namespace="localstack.hooks.*", value=hook)
    _import_later("dns.resolver")
    sys.modules["localstack.aws.handlers.validation"] = _no_validation()


def make_no_certificate() -> None:
    """Leave out the certificate that LocalStack makes first, in each new folder."""
    from localstack.runtime.runtime import LocalstackRuntime

    def _init_gateway_server(self: LocalstackRuntime) -> None:
        self.components.runtime_server.register(self.components.gateway, self.config.GATEWAY_LISTEN)

    LocalstackRuntime._init_gateway_server = _init_gateway_server  # type: ignore[method-assign]


def _import_later(name: str) -> None:
    """Let the module be imported when somebody asks for something in it, as importlib's documentation shows."""
    spec = importlib.util.find_spec(name)
    assert spec
    assert spec.loader
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    package, _, variable = name.rpartition(".")
    setattr(sys.modules[package], variable, module)


def _no_validation() -> ModuleType:
    class Validator:
        def __call__(self, chain: Any, context: Any, response: Any) -> None:
            pass

    module: Any = ModuleType("localstack.aws.handlers.validation")
    module.OpenAPIRequestValidator = module.OpenAPIResponseValidator = Validator
    return module  # type: ignore[no-any-return]
