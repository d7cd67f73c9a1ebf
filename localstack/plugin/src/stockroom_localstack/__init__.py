"""LocalStack plugin of Stockroom: everything LocalStack would use Docker or a download for, done with local processes."""
