"""A few lines of a UCI "Online Retail" file, for tests to vary."""

from collections.abc import Callable
from pathlib import Path

from seed.staging import StagedFile

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
ROWS = (
    "536365,85123A,WHITE HANGING HEART,6,12/1/10 8:26,2.55,17850,United Kingdom",
    "536365,71053,WHITE METAL LANTERN,6,12/1/10 8:26,3.39,17850,United Kingdom",
    "536366,22633,HAND WARMER UNION JACK,10,12/1/10 8:28,1.85,,France",
    "C536379,71053,WHITE METAL LANTERN,-1,12/1/10 9:41,3.39,17850,United Kingdom",
)

WriteCsv = Callable[..., Path]
Stage = Callable[..., StagedFile]
