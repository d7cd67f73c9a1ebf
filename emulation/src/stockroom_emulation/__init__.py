"""What both emulators decide in the same way. Nothing but Python's standard library is imported here.

admission.py         who may ask for what, by the head of a request
peers.py             whose process is at the other end of a connection
open_files.py        how many files a process may have open
iam_policies.py      what policies allow
stream_batches.py    what becomes of a batch of a stream when a function has failed it
"""
