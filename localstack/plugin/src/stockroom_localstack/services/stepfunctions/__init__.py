"""LocalStack's Step Functions, put right where it differs from AWS.

provider.py      the provider: what of a state machine is stored and refused
definitions.py   what is wrong with a definition
expressions.py   JSONata without a Java runtime
"""
