"""LocalStack's HTTP server, bound to the address it was told to listen on."""

from __future__ import annotations

import ipaddress
from typing import Any

from localstack import config
from localstack.aws.serving.twisted import TLSMultiplexerFactory
from localstack.runtime.server.core import RuntimeServer, RuntimeServerPlugin
from localstack.runtime.server.twisted import TwistedRuntimeServer
from rolo.gateway import Gateway
from rolo.serving.twisted import TwistedGateway
from twisted.internet import endpoints, reactor, ssl


def require_loopback(host: str) -> str:
    """The host as it is; raises ValueError when others on the network could reach it."""
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"GATEWAY_LISTEN names {host}, but the emulator listens on a loopback address only")
    return host


class LoopbackRuntimeServer(TwistedRuntimeServer):
    """The stock server ignores the host of an IPv4 address and listens on every interface."""

    def register(
        self,
        gateway: Gateway,
        listen: list[config.HostAndPort],
        ssl_creds: tuple[str, str] | None = None,
    ) -> None:
        factory: Any = TwistedGateway(gateway)
        if ssl_creds:
            certificate, key = ssl_creds
            context = ssl.DefaultOpenSSLContextFactory(key, certificate)
            context.getContext().use_certificate_chain_file(certificate)
            factory = TLSMultiplexerFactory(context, False, factory)
        for address in listen:
            kind = (
                endpoints.TCP6ServerEndpoint if config.is_ipv6_address(address.host) else endpoints.TCP4ServerEndpoint
            )
            kind(reactor, address.port, interface=require_loopback(address.host)).listen(factory)


class LoopbackRuntimeServerPlugin(RuntimeServerPlugin):
    name = "loopback"

    def load(self, *args: object, **kwargs: object) -> RuntimeServer:
        return LoopbackRuntimeServer()
