"""AWS's services, a folder for each: what LocalStack's own do differently from AWS, put right, and what it lacks.

table.py             all of them
registration.py      LocalStack is told of them
moto.py              services that moto has and LocalStack lacks
request_checks.py    requests that lack something, or name what is no choice, are refused as on AWS
"""
