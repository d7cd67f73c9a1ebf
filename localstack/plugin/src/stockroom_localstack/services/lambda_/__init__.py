"""Lambda, whose functions run as processes (runtime/).

provider.py           what can't run here is refused when a function is created or changed
options.py            what becomes of each option of the API
requirements_of_aws.py    what AWS refuses and LocalStack takes
response_streams.py, function_urls.py    other ways to call a function
encryption_keys.py    the key of a function's environment variables
plugin.py, executor.py    LocalStack's runtime executor: one execution environment, its life and its log lines
outcomes.py           how an invocation ended, and what its caller is told
assignment.py, turns.py    how many environments there may be, and initialise at a time
client_context.py     what LocalStack leaves out of an invocation's payload
asynchronous.py       asynchronous invocations
function_calls.py     calls of one function by other services
event_sources/        event source mappings
metrics.py            what functions do, in CloudWatch
function_logs.py      the way to CloudWatch Logs
state.py              what runs is stopped before its state is replaced, and what was loaded is started
"""
