"""The rule that the platform checks sales events and orders by, so that seeding accepts what the platform accepts.

It stands in functions/data_platform/fields.py, which a bundle has at its top and so belongs to no package: it is
loaded from its file.
"""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING

from stockroom.project import ROOT

__all__ = ["IDENTIFIER", "LONGEST_IDENTIFIER", "PRICE", "PRICE_DECIMALS", "WIDEST", "fields"]

if TYPE_CHECKING:
    import fields
else:
    _spec = spec_from_file_location("_record_fields", ROOT / "functions" / "data_platform" / "fields.py")
    fields = module_from_spec(_spec)
    _spec.loader.exec_module(fields)

IDENTIFIER = fields.IDENTIFIER
LONGEST_IDENTIFIER = fields.LONGEST_IDENTIFIER
PRICE = fields.PRICE
PRICE_DECIMALS = fields.PRICE_DECIMALS
WIDEST = fields.WIDEST
