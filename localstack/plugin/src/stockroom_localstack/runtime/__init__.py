"""The execution environments of Lambda functions, as processes that speak AWS's Runtime API.

process.py            one process of an environment, from its start to its end
client.py, fork_server_main.py    how such a process is started: forked, or by an interpreter of its own
confinement.py, confinement_main.py    what such a process may touch of this machine
api.py                the HTTP server that the process asks for events: AWS's Lambda Runtime API
tcp_peers.py          which processes ask it
environment.py        the environment variables a function sees
runtimes.py           which Python runs which runtime
output.py             what a function prints, within bounds
report.py, aws_paths.py    log events and error objects as AWS words them
"""
