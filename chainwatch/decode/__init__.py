"""Decoding: what logs and call trees say, as Events of the vocabulary.

decoder = Decoder(load_registry())
facts = decoder.facts(execution)
"""

from chainwatch.decode.codegen import Malformed
from chainwatch.decode.decoder import Decoder
from chainwatch.decode.registry import DecodedLog, Registry, load_registry

__all__ = ["DecodedLog", "Decoder", "Malformed", "Registry", "load_registry"]
