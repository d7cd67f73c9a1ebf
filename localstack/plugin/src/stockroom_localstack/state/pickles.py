"""One pickle over everything that holds state, so that what two services share is still shared when it is loaded.

Standard pickle, and what LocalStack's and moto's objects need beside it: locks, conditions and events are made anew,
functions without a name are taken by their code (the versions are the same), keys and certificates as PEM.
"""

from __future__ import annotations

import copyreg
import importlib
import marshal
import pickle
import sys
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from types import CellType, CodeType, FunctionType, MappingProxyType, ModuleType
from typing import IO, Any, get_args

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from localstack.services.s3.storage.ephemeral import LockedSpooledTemporaryFile

from .hooks import Reducer
from .objects import ObjectsReader, Place

Reduced = tuple[Any, ...]

PEM, PKCS8 = Encoding.PEM, PrivateFormat.PKCS8


class StatePickler(pickle.Pickler):
    """Writes objects of LocalStack and moto. An object that has a name is written as its name."""

    def __init__(
        self,
        file: IO[bytes],
        names: Mapping[int, str],
        place: Callable[[LockedSpooledTemporaryFile], Place],
        reducers: Mapping[type, Reducer],
    ) -> None:
        """names: of the objects that are not written but found again by name, by their id.
        place: where the content of an S3 object is. reducers: of classes and what is derived from them."""
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._names = names
        self._place = place
        self._reducers = {**REDUCERS, **reducers}
        self._known: dict[type, Reducer | None] = {}

    def persistent_id(self, obj: Any) -> str | Place | None:
        if type(obj) is LockedSpooledTemporaryFile:
            return self._place(obj)
        return self._names.get(id(obj))

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        try:
            reduce = self._known[kind]
        except KeyError:
            reduce = next((self._reducers[one] for one in kind.__mro__ if one in self._reducers), None)
            reduce = self._known[kind] = reduce or _reducer_of_a_key(obj)
        return NotImplemented if reduce is None else reduce(obj)


class StateUnpickler(pickle.Unpickler):
    """Reads what StatePickler wrote, and runs what is in it."""

    def __init__(self, file: IO[bytes], find: Callable[[str], Any], objects: ObjectsReader | None) -> None:
        """find: the object of a name."""
        super().__init__(file)
        self._find = find
        self._objects = objects

    def persistent_load(self, name: str | Place) -> Any:
        if isinstance(name, Place):
            assert self._objects, "objects are of S3 only"
            return self._objects.content(name)
        return self._find(name)


def _reduce_event(event: threading.Event) -> Reduced:
    return _make_event, (event.is_set(),)


def _make_event(is_set: bool) -> threading.Event:
    event = threading.Event()
    if is_set:
        event.set()
    return event


def _reduce_function(function: FunctionType) -> Any:
    found: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    if found is function:
        return NotImplemented  # by its name
    values = [_content(cell) for cell in function.__closure__ or ()]
    state = (values, function.__defaults__, function.__kwdefaults__)
    made_of = (marshal.dumps(function.__code__), function.__module__, function.__qualname__)
    return _make_function, made_of, state, None, None, _fill_function


def _reduce_defaultdict(one: defaultdict[Any, Any]) -> Reduced:
    """Derived classes have constructors of their own."""
    return (
        _make_defaultdict,
        (type(one), one.default_factory),
        vars(one) if hasattr(one, "__dict__") else None,
        None,
        iter(one.items()),
    )


def _make_defaultdict(kind: type[defaultdict[Any, Any]], factory: Callable[[], Any] | None) -> defaultdict[Any, Any]:
    one = kind.__new__(kind)
    one.default_factory = factory
    return one


def _content(cell: CellType) -> list[Any]:
    try:
        return [cell.cell_contents]
    except ValueError:  # nothing was assigned yet
        return []


def _make_function(code: bytes, module: str, name: str) -> FunctionType:
    loaded: CodeType = marshal.loads(code)  # noqa: S302  # as trustworthy as the pickle around it
    cells = tuple(CellType() for _ in loaded.co_freevars)
    function = FunctionType(loaded, vars(importlib.import_module(module)), closure=cells)
    function.__qualname__ = name
    return function


def _fill_function(function: FunctionType, state: tuple[list[list[Any]], Any, Any]) -> None:
    values, function.__defaults__, function.__kwdefaults__ = state
    for cell, content in zip(function.__closure__ or (), values, strict=True):
        if content:
            cell.cell_contents = content[0]


def _reducer_of_a_key(obj: Any) -> Reducer | None:
    """Of an object of the package cryptography; its classes are known by their interfaces only."""
    if isinstance(obj, x509.Certificate):
        return lambda one: (_load_certificate, (one.public_bytes(PEM),))
    if isinstance(obj, get_args(PrivateKeyTypes)):
        return lambda one: (_load_private_key, (one.private_bytes(PEM, PKCS8, NoEncryption()),))
    if isinstance(obj, get_args(PublicKeyTypes)):
        return lambda one: (_load_public_key, (one.public_bytes(PEM, PublicFormat.SubjectPublicKeyInfo),))
    return None


def _load_certificate(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def _load_private_key(pem: bytes) -> PrivateKeyTypes:
    return load_pem_private_key(pem, None)


def _load_public_key(pem: bytes) -> PublicKeyTypes:
    return load_pem_public_key(pem)


REDUCERS: Mapping[type, Reducer] = {
    type(threading.Lock()): lambda lock: (threading.Lock, ()),
    type(threading.RLock()): lambda lock: (threading.RLock, ()),
    threading.Condition: lambda condition: (threading.Condition, (vars(condition)["_lock"],)),
    threading.Event: _reduce_event,
    defaultdict: _reduce_defaultdict,
    OrderedDict: lambda one: (copyreg.__newobj__, (type(one),), vars(one) or None, None, iter(one.items())),  # type: ignore[attr-defined]
    FunctionType: _reduce_function,
    MappingProxyType: lambda proxy: (MappingProxyType, (dict(proxy),)),
    ModuleType: lambda module: (importlib.import_module, (module.__name__,)),
}
