"""SQS.

provider.py   the provider: what LocalStack does differently from AWS, put right
rules.py      what AWS refuses and LocalStack takes
"""
