"""Event source mappings.

workers.py            what LocalStack does of them with these pollers
queue_pollers.py, handover.py    of queues
stream_pollers.py, stream_progress.py, stream_windows.py, stream_reads.py    of streams; what becomes of a batch that
                      failed is decided in stockroom_emulation/stream_batches.py
"""
