"""EventBridge Scheduler: moto keeps the schedules, and here they fire.

provider.py     the provider: what is planned, refused and done after the last time
targets.py      how a target gets what it is sent
"""
