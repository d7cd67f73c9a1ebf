"""A function that nobody calls: its code is what the alias `live` is seen to point at."""

WORDS = "hello"


def handler(event: object, context: object) -> str:
    return WORDS
