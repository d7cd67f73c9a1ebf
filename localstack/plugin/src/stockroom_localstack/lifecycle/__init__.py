"""From the emulator's start to its end.

unused.py            what LocalStack would import and start that nobody needs here
service_index.py     LocalStack's index of all AWS services, once per installation
service_loading.py   no request reaches a service before its operations are registered
early_start.py       the services of the stacks are started in the background
run_directory.py     the emulator ends when its run directory disappears
shutdown.py          how it ends, at once
supervisor.py, supervisor_main.py    no process outlives it, not even after `kill -9`
"""
