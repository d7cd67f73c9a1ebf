"""The first requests to a service, several at the same moment."""

from __future__ import annotations

from stockroom.engines import emulator_installation as emulator

from .emulator_python import run_program

# LocalStack's own loader and router, with a service whose operations take a while to register, so that the second
# request surely comes in between.
TWO_FIRST_REQUESTS = """
import threading, time
from types import SimpleNamespace
from localstack.aws.handlers.service import ServiceRequestRouter
from localstack.aws.handlers.service_plugin import ServiceLoader
from localstack.services.plugins import SERVICE_PLUGINS
from stockroom_localstack.lifecycle import service_loading

service_loading.wait_for_registration()
registering, finished = threading.Event(), threading.Event()

class SlowRouter(ServiceRequestRouter):
    def add_skeleton(self, skeleton):
        registering.set()
        time.sleep(0.5)
        super().add_skeleton(skeleton)
        finished.set()

loader = ServiceLoader(SERVICE_PLUGINS, SlowRouter())
context = SimpleNamespace(service=SimpleNamespace(service_name="sts"))
first = threading.Thread(target=loader, args=(None, context, None))
first.start()
assert registering.wait(30)
loader(None, context, None)
print("registered" if finished.is_set() else "not implemented")
first.join()
"""


def test_a_request_waits_until_the_operations_of_its_service_are_registered() -> None:
    emulator.install(print)
    assert run_program(TWO_FIRST_REQUESTS).strip() == "registered"
