"""LocalStack's CloudWatch Logs, put right where it differs from AWS.

provider.py   the provider: filters of logs, of subscriptions and of metrics
patterns.py   filter patterns
"""
