"""Kinesis Data Streams, in the emulator's own process.

LocalStack runs Kinesis Mock for it, on Node: 200 MB and a second of every start, and half a millisecond for each record
that is put and read, which is more than all the rest of an event's way through a platform.

streams.py     streams with their consumers, and what may be done with them
shards.py      shards and the records in them
iterators.py   shard iterators: a place in a shard, as text
subscriptions.py  what consumers with a throughput of their own are sent
store.py       where streams are, and which one a request means
stream_operations.py, shard_operations.py, record_operations.py, consumer_operations.py, tag_operations.py
               the operations of the API
shapes.py      the shapes of their answers
provider.py    all operations in one
"""
