"""LocalStack's S3, put right where it differs from AWS.

provider.py     the provider: what of S3 is ours, and where the rest of this is switched on
events.py       the events for EventBridge as AWS sends them
listing.py      pages of lists: which entries are on one, and with which the next begins
lists.py        the list operations, made of such pages
deletions.py    deletions under a condition
signatures.py   presigned URLs: signature (doors/signing.py), time and headers
forms.py        uploads by HTML forms: signature and policy
checksums.py    checksums that come after the body
"""
