from stockroom.tasks import namespace

__all__ = ["namespace"]
