"""Why DynamoDB cancels transactions: the codes in `CancellationReasons`."""

# It had no room, or somebody else was at the item: the transaction may pass in a moment.
PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
