"""LocalStack's EventBridge, put right where it differs from AWS.

provider.py     the provider: rules, their schedules, replays, and what is refused
deliveries.py   one event on its way: retried by its policy, then in the dead-letter queue
failures.py     what an error of a target means
targets.py      how a target gets what it is sent
templates.py    input templates, filled in
replays.py      archives and replays
schedules.py    expressions of schedules: when something is to happen
clock.py        one thread for all that is to happen at a time
"""
