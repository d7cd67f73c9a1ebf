"""Lambda functions as processes of this machine, chosen with LAMBDA_RUNTIME_EXECUTOR=process.

provider.py           what can't run here is refused when a function is created or changed
options.py            what becomes of each option of the API
requirements_of_aws.py    what AWS refuses and LocalStack takes
response_streams.py, function_urls.py    other ways to call a function
encryption_keys.py    the key of a function's environment variables
plugin.py, executor.py    LocalStack's runtime executor: one execution environment, its life and its log lines
assignment.py         how many environments there may be
runtime_process.py    one process of an environment, from its start to its end
runtime_client.py, fork_server_main.py    how such a process is started: forked, or by an interpreter of its own
confinement.py, confinement_main.py    what such a process may touch of this machine
runtime_api.py        the HTTP server that the process asks for events: AWS's Lambda Runtime API
tcp_peers.py          which processes ask it
function_environment.py   the environment variables a function sees
runtimes.py           which Python runs which runtime
client_context.py     what LocalStack leaves out of an invocation's payload
asynchronous.py       asynchronous invocations
event_sources.py      event source mappings, and their pollers:
queue_pollers.py, handover.py    of queues
stream_pollers.py, stream_progress.py, stream_batches.py, stream_windows.py, stream_reads.py    of streams
metrics.py            what functions do, in CloudWatch
output.py             what a function prints, within bounds
report.py, aws_paths.py    log events and error objects as AWS words them
function_logs.py      the way to CloudWatch Logs
"""
