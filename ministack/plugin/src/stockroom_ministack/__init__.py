"""MiniStack as the engine of Stockroom: patched when it starts, never forked.

__main__.py           patches and starts MiniStack
lambda_runtimes.py    functions see what AWS's image of their runtime holds
lambda_metrics.py     what functions do, in CloudWatch
stream_mappings.py    event source mappings of Kinesis streams and of table streams
alarms.py             what alarms look at, and when; metrics of queues
secrets.py            secrets without a value
cost_explorer.py      the service that MiniStack lacks
"""
