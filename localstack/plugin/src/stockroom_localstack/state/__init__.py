"""The emulator's whole state: written to a folder, loaded at start, put back while running.

roots.py       what holds state: every store of every service, and what is kept beside the stores
pickles.py     one pickle over all of it; locks are made anew
objects.py     contents of S3 objects, in a file beside the pickle
gate.py        holds requests while the state is written or replaced
background.py  what works without a request
hooks.py       what services do beside: theirs are in services/<service>/state.py
running.py     which services run
own_data.py    what services keep outside the stores: DynamoDB's tables, CloudWatch's metrics
settling.py    whether nothing is on its way any more
snapshot.py    save and load
endpoint.py    POST /_stockroom/state/save, /load and others
first_state.py the state with which an emulator begins

A saved state is for the same versions of everything, and loading it runs what is written in it: nothing but what an
emulator of this machine has saved may be loaded.
"""
