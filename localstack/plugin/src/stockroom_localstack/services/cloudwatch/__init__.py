"""CloudWatch.

provider.py       the provider: alarms and metrics as on AWS
metric_math.py    expressions over metrics
collector.py      metrics of other services, sent once a second
"""
