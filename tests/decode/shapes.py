"""Which of the generated decoders stand for all of them: the fuzzer follows the coverage of these alone."""

from collections.abc import Sequence

from chainwatch.decode.codegen import is_word
from chainwatch.decode.registry import Known

_DATA = ("word", "fixed", "bytes", "string", "words", "nested")


def of_every_shape(known: Sequence[Known]) -> list[Known]:
    """Events whose decoders between them have every statement that the generator writes: each kind of type, indexed and
    not, beside each kind of data. The others are these statements again at other offsets; counting each as code of its
    own, the fuzzer would find something new for days."""
    chosen: list[Known] = []
    seen: set[tuple[str, bool, str]] = set()
    for one in known:
        data = max((_kind(p.type) for p in one.spec.params if not p.indexed), key=_DATA.index, default="word")
        traits = {(_kind(p.type, exactly=True), p.indexed, data) for p in one.spec.params}
        if not traits <= seen:
            seen |= traits
            chosen.append(one)
    return chosen


def _kind(type_: str, *, exactly: bool = False) -> str:
    """What the generator tells apart: words, static arrays and tuples, and what is dynamic. `exactly`: words by type, a
    whole word or a part of one."""
    if is_word(type_):
        if not exactly or type_ in ("address", "bool"):
            return type_ if exactly else "word"
        name, bits = type_.rstrip("0123456789"), int(type_.lstrip("uintbyes"))
        return f"{name}, {'whole' if bits == (32 if name == 'bytes' else 256) else 'part'}"
    if type_ in ("bytes", "string"):
        return type_
    if type_.endswith("[]") and is_word(type_[:-2]):
        return "words"
    return "nested" if "[]" in type_ or "bytes," in type_ or "string" in type_ or "bytes)" in type_ else "fixed"
