"""MiniStack as the engine of Stockroom: patched when it starts, never forked.

__main__.py           patches and starts MiniStack
alarm_xml.py          alarms as Terraform reads them
alarms.py             what alarms look at, and when; metrics of queues
cost_explorer.py      the service that MiniStack lacks
guard.py              who may ask
kinesis_tags.py       tags of a new stream
lambda_api.py         what is told of functions and event sources; reserved concurrency
lambda_metrics.py     what functions do, in CloudWatch
lambda_runtimes.py    functions see what AWS's image of their runtime holds
policy_simulator.py   what roles may do, asked of IAM
queue_moves.py        dead letters on their way back
s3_keys.py            keys that are too long
secrets.py            secrets without a value
stream_mappings.py    event source mappings of Kinesis streams and of table streams
"""
