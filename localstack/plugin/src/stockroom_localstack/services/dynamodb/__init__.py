"""DynamoDB, by DynamoDB Local.

provider.py    the operations of the API, and the process that answers them
expiry.py      items whose time to live has passed
state.py       tables in a saved state
"""
