"""Services that run as processes of their own.

process.py         one such process, in the shape in which LocalStack manages its servers
proxy.py           requests go on to it as they came
booting.py         it boots while LocalStack is being imported
dynamodb_local/    DynamoDB Local
"""
