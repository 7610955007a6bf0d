"""Where each database action is: by its name, module and class, made without arguments."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DATABASE_PLACES: Final[Mapping[str, str]] = MappingProxyType({})
