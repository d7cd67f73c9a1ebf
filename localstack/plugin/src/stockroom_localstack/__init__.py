"""LocalStack plugin of Stockroom: what LocalStack needs Docker or a download for, as local processes."""
