"""SSM, as LocalStack has it."""
