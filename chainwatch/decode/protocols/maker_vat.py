"""Maker's Vat: the book of all vaults, which writes notes without the caller. See maker."""

from chainwatch.decode.protocols.base import Mappers
from chainwatch.decode.protocols.maker import note

MAPPERS: Mappers = {"LogNote(bytes4,bytes32,bytes32,bytes32,bytes)": note("maker_vat", caller=None)}
