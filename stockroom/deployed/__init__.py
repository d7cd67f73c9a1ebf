"""What stacks have deployed: outputs, records, secrets, versions, and whether all of it is there."""
