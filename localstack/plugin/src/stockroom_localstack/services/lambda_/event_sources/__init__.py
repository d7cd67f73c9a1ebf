"""Event source mappings.

workers.py            what LocalStack does of them with these pollers
queue_pollers.py, handover.py    of queues
stream_pollers.py     of streams: shards are read and batches made
stream_deliveries.py  batches are delivered; stockroom_emulation/stream_batches.py decides about those that fail
stream_progress.py    how far a mapping has come in its stream
stream_windows.py     tumbling windows
stream_reads.py       records are read from where they are held
"""
