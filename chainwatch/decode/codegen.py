"""Decoders generated per event: plain Python that slices one byte string, over ten times as fast as eth-abi.

A generated decoder joins data and indexed topics, turns them from hex once (which also proves that all of it is hex),
and reads every value at its known offset. Padding is checked as eth-abi does in strict mode, and the length must be
exact. Static tuples and arrays are words like all others; `bytes`, `string` and arrays of words are read where their
pointers say, and whatever nests deeper goes through eth-abi itself. What the event's protocol says about it
(protocols/base.py) is compiled into the same function.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from eth_abi.decoding import ContextFramesBytesIO
from eth_abi.exceptions import DecodingError, InsufficientDataBytes
from eth_abi.grammar import ABIType, TupleType, parse
from eth_abi.registry import registry as eth_abi_registry

from chainwatch.decode.abi import EventSpec, Param
from chainwatch.decode.protocols.base import EMITTER, Expr, Mapper, Says
from chainwatch.types import Event, Log


class Malformed(ValueError):
    """A log or call data is not what its topic or selector promises. Never leaves this package."""


Args = tuple[Any, ...]
Decode = Callable[[Log], Args]
"""From a log to the event's arguments in ABI order. Addresses and byte strings are lower-case `0x` hex, an
indexed dynamic value is its 32-byte hash. Raises Malformed."""

Handle = Callable[[list[Event], Log], None]
"""`handle(events, log)` appends what the log says to `events`, and nothing where it is refused. Raises Malformed, and
whatever a log that is no log leads to (`registry.BROKEN`)."""

INTEGER_TYPE = re.compile(r"(u?)int(8|16|24|32|40|48|56|64|72|80|88|96|104|112|120|128|136|144|152|160|168|176|184|192"
                      r"|200|208|216|224|232|240|248|256)")  # fmt: skip
BYTES_TYPE = re.compile(r"bytes([1-9]|[12][0-9]|3[0-2])")
_MAX_WORDS = 64  # of one event's data; more go through eth-abi rather than into a function of thousands of lines


class _Value(NamedTuple):
    """How one value is read: statements that check it, its expression, and how many words it takes."""

    checks: list[str]
    code: str
    words: int


def make_decoder(spec: EventSpec) -> Decode:
    """The decoder of `spec`."""
    if (found := _sliced(spec)) is None:
        return _by_eth_abi(spec)
    lines, codes = found
    return cast(Decode, _compile("decode(log)", [*lines, f"return ({''.join(c + ', ' for c in codes)})"], spec, {}))


def make_handler(spec: EventSpec, mapper: Says | Mapper | None) -> Handle:
    """What is done with each log of `spec`: it is decoded, and what `mapper` makes of it is appended.

    Raises ValueError where `mapper` names a parameter that the event does not have.
    """
    if isinstance(mapper, Says):
        _refuse_unknown_names(spec, mapper)
    found = _sliced(spec)
    if found is None:
        return _handler_over(spec, mapper, _by_eth_abi(spec))
    lines, codes = found
    names: dict[str, Any] = {}
    if isinstance(mapper, Says):
        by_name = {p.name: code for p, code in zip(spec.params, codes, strict=True)}
        lines += _saying(mapper, by_name, spec)
        names["Kind"] = mapper.kind
    elif mapper is not None:
        arguments = "".join(code + ", " for code in codes)
        lines.append(f"mapper(events, int(log.log_index, 16), log.address, ({arguments}))")
        names["mapper"] = mapper
    return cast(Handle, _compile("handle(events, log)", lines, spec, names))


def _saying(mapper: Says, codes: dict[str, str], spec: EventSpec) -> list[str]:
    """The statement that appends the Event. A value that several fields need is read once."""
    uses = _names(mapper)
    lines = [f"p_{name} = {codes[name]}" for name in dict.fromkeys(uses) if uses.count(name) > 1]
    codes = codes | {name: f"p_{name}" for name in uses if uses.count(name) > 1}
    fields = {name: "log.address" if e is EMITTER else _filled(e, codes) for name, e in mapper.fields.items()}
    own = "order=len(events), log_index=int(log.log_index, 16), address=log.address"
    given = "".join(f", {name}={code}" for name, code in fields.items())
    said = f"events.append(Kind({own}, protocol={spec.protocol!r}{given}))"
    if mapper.when is None:
        return [*lines, said]
    return [*lines, "address = log.address", f"if {_filled(mapper.when, codes)}:", f"    {said}"]


def _filled(expression: Expr, codes: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: f"({codes[m[1]]})", expression.code)


def _handler_over(spec: EventSpec, mapper: Says | Mapper | None, decode: Decode) -> Handle:
    """The same for an event whose arguments come as a tuple."""
    if isinstance(mapper, Says):
        codes = {p.name: f"args[{i}]" for i, p in enumerate(spec.params)}
        lines = ["args = decode(log)", *_saying(mapper, codes, spec)]
        return cast(Handle, _compile("handle(events, log)", lines, spec, {"decode": decode, "Kind": mapper.kind}))

    def handle(events: list[Event], log: Log) -> None:
        args = decode(log)
        if mapper is not None:
            mapper(events, int(log.log_index, 16), log.address, args)

    return handle


def _names(mapper: Says) -> list[str]:
    expressions = [*mapper.fields.values(), *([mapper.when] if mapper.when is not None else [])]
    return [name for e in expressions for name in e.names]


def _refuse_unknown_names(spec: EventSpec, mapper: Says) -> None:
    known = {p.name for p in spec.params}
    unknown = set(_names(mapper)) - known
    if unknown:
        raise ValueError(f"{spec.protocol}: {spec.signature} has no parameter {', '.join(sorted(unknown))}")


def _sliced(spec: EventSpec) -> tuple[list[str], list[str]] | None:
    """The statements that read and check the parameters of `spec`, and the expression of each; None where eth-abi has
    to do it."""
    if (values := _static(spec)) is not None:
        return _reading(spec, values), [v.code for v in values]
    return _flat(spec)


def _flat(spec: EventSpec) -> tuple[list[str], list[str]] | None:
    """The same for data of words and of `bytes`, `string` and arrays of words, each read where its pointer says."""
    data = [p for p in spec.params if not p.indexed]
    if not all(is_word(p.type) or p.type in ("bytes", "string") or is_word(_item(p.type)) for p in data):
        return None
    names, checks = _topics(spec)
    topics = " + ".join(f"{name}[2:]" for name in names)
    head = 32 * len(data)
    lines = [
        "d = log.data",
        "if d[:2] != '0x':",
        "    raise Malformed('data is not 0x hex')",
        "d = d[2:]",
        "b = fromhex(d + '0' * (-len(d) % 64))",  # compilers before Solidity 0.5 leave out the last padding
        "n = len(b)",
        f"if n < {head}:",
        f"    raise Malformed(f'{{n}} bytes of data where at least {head} are expected')",
    ]
    if names:
        lines += [*checks, f"c = fromhex({topics})", f"if len(c) != {32 * len(names)}:"]
        lines += ["    raise Malformed('a topic is not hex')"]
    codes: list[str] = []
    word = topic = 0
    for i, param in enumerate(spec.params):
        shown = _printable(param.name)
        if param.indexed:
            value = _Value([], f"'0x' + c[{32 * topic}:{32 * topic + 32}].hex()", 1)
            if is_word(param.type):
                value = _word(f"v{i}", 32 * topic, param.type, shown, "c")
            topic += 1
        else:
            whole = is_word(param.type)
            value = _word(f"v{i}", 32 * word, param.type, shown) if whole else _tail(i, 32 * word, head, param)
            word += 1
        lines += value.checks
        codes.append(value.code)
    return lines, codes


def _tail(i: int, offset: int, head: int, param: Param) -> _Value:
    """A dynamic value: its pointer at `offset`, then its length and itself. Checked as eth-abi does in strict mode."""
    refuse = f"    raise Malformed('{param.type} {_printable(param.name)} is not where its pointer says, or too short')"
    lines = [
        f"o{i} = from_bytes(b[{offset}:{offset + 32}])",
        f"if not {head} <= o{i} <= n - 32:",
        refuse,
        f"l{i} = from_bytes(b[o{i}:o{i} + 32])",
        f"o{i} += 32",
    ]
    if param.type in ("bytes", "string"):
        lines += [
            f"e{i} = o{i} + (l{i} + 31) // 32 * 32",
            f"if e{i} > n or any(b[o{i} + l{i}:e{i}]):",
            refuse,
        ]
        text = f"b[o{i}:o{i} + l{i}]"
        return _Value(lines, f"{text}.decode()" if param.type == "string" else f"'0x' + {text}.hex()", 1)
    item = _item(param.type)
    lines += [f"if o{i} + 32 * l{i} > n:", refuse, f"a{i} = []", f"for k in range(o{i}, o{i} + 32 * l{i}, 32):"]
    value = _word("w", 0, item, _printable(param.name), "s")
    lines += [f"    {line}" for line in ("s = b[k:k + 32]", *value.checks, f"a{i}.append({value.code})")]
    return _Value(lines, f"tuple(a{i})", 1)


def _item(type_: str) -> str:
    """What an array without a fixed size is of; "" for everything else."""
    return type_.removesuffix("[]") if type_.endswith("[]") else ""


def _static(spec: EventSpec) -> list[_Value] | None:
    """How each parameter is read, or None where one in the data is dynamic. Data words come before topics in the
    joined byte string, so that the offset of each value is known here."""
    types = [parse(p.type) for p in spec.params]
    sizes = [0 if p.indexed else _size(t) for p, t in zip(spec.params, types, strict=True)]
    if any(size is None for size in sizes):
        return None
    next_data, next_topic = 0, sum(size or 0 for size in sizes)
    if next_topic > _MAX_WORDS:
        return None
    values: list[_Value] = []
    for i, (param, type_, size) in enumerate(zip(spec.params, types, sizes, strict=True)):
        if not param.indexed:
            values.append(_read(f"v{i}", next_data, type_, _printable(param.name)))
            next_data += size or 0
        elif is_word(param.type):
            values.append(_read(f"v{i}", next_topic, type_, _printable(param.name)))
            next_topic += 1
        else:  # an indexed value that is no word: its hash
            values.append(_Value([], f"'0x' + b[{32 * next_topic}:{32 * next_topic + 32}].hex()", 1))
            next_topic += 1
    return values


def _reading(spec: EventSpec, values: list[_Value]) -> list[str]:
    """The statements that all generated functions begin with."""
    names, checks = _topics(spec)
    topics = "".join(f" + {name}[2:]" for name in names)
    words = sum(v.words for v in values)
    data_words = words - len(names)
    return [
        "d = log.data",
        f"if len(d) != {2 + 64 * data_words}:",
        f"    raise Malformed(f'{{(len(d) - 2) / 2:g}} bytes of data where {32 * data_words} are expected')",
        "if d[:2] != '0x':",
        "    raise Malformed('data is not 0x hex')",
        *checks,
        f"b = fromhex(d[2:]{topics})",
        f"if len(b) != {32 * words}:",  # `fromhex` lets white space pass
        "    raise Malformed('data or a topic is not hex')",
        *(line for v in values for line in v.checks),
    ]


def _topics(spec: EventSpec) -> tuple[list[str], list[str]]:
    """What the topics of the parameters are called, and the statements that name them and check each one's length: a
    short one and a long one have the right length together, and shift every value between them."""
    names = [f"t{n}" for n in range(spec.topic_count - (not spec.anonymous))]
    if not names:
        return [], []
    return names, [
        f"{'' if spec.anonymous else '_, '}{', '.join(names)}, = log.topics",
        f"if not {' == '.join(f'len({name})' for name in names)} == 66:",
        "    raise Malformed('a topic is not 32 bytes')",
    ]


def is_word(type_: str) -> bool:
    """Whether a value of `type_` is one word, and its own value as a topic."""
    return type_ in ("address", "bool") or bool(INTEGER_TYPE.fullmatch(type_) or BYTES_TYPE.fullmatch(type_))


def _size(type_: ABIType) -> int | None:
    """Words of a static value, None for a dynamic one."""
    if type_.is_dynamic:
        return None
    if type_.arrlist:
        inner = _size(type_.item_type)
        return None if inner is None else inner * int(type_.arrlist[-1][0])
    if isinstance(type_, TupleType):
        sizes = [_size(c) for c in type_.components]
        return None if None in sizes else sum(s or 0 for s in sizes)
    return 1 if is_word(_text(type_)) else None  # `fixed`: by eth-abi


def _text(type_: ABIType) -> str:
    return str(type_.to_type_str())  # type: ignore[no-untyped-call]


def _read(name: str, word: int, type_: ABIType, shown: str) -> _Value:
    """How the static value at `word` is read."""
    if type_.arrlist:
        items = [type_.item_type] * int(type_.arrlist[-1][0])
    elif isinstance(type_, TupleType):
        items = list(type_.components)
    else:
        return _word(name, word * 32, _text(type_), shown)
    checks: list[str] = []
    codes: list[str] = []
    words = 0
    for n, item in enumerate(items):
        value = _read(f"{name}_{n}", word + words, item, shown)
        checks += value.checks
        codes.append(value.code)
        words += value.words
    return _Value(checks, f"({''.join(c + ', ' for c in codes)})", words)


def _word(name: str, offset: int, type_: str, shown: str, buffer: str = "b") -> _Value:
    end = offset + 32
    refuse = f"    raise Malformed('{type_} {shown} has dirty padding')"
    if type_ == "address":
        return _Value(
            [f"if {buffer}[{offset}:{offset + 12}] != Z12:", refuse], f"'0x' + {buffer}[{offset + 12}:{end}].hex()", 1
        )
    if type_ == "bool":
        return _Value([f"{name} = from_bytes({buffer}[{offset}:{end}])", f"if {name} > 1:", refuse], f"{name} == 1", 1)
    if match := BYTES_TYPE.fullmatch(type_):
        size = int(match[1])
        check = [f"if any({buffer}[{offset + size}:{end}]):", refuse] if size < 32 else []
        return _Value(check, f"'0x' + {buffer}[{offset}:{offset + size}].hex()", 1)
    match = INTEGER_TYPE.fullmatch(type_)
    assert match is not None
    bits = int(match[2])
    if match[1]:
        if bits == 256:
            return _Value([], f"from_bytes({buffer}[{offset}:{end}])", 1)
        return _Value([f"{name} = from_bytes({buffer}[{offset}:{end}])", f"if {name} >> {bits}:", refuse], name, 1)
    read = f"{name} = from_bytes({buffer}[{offset}:{end}], 'big', signed=True)"
    limit = 1 << (bits - 1)
    check = [] if bits == 256 else [f"if not -{limit} <= {name} < {limit}:", refuse]
    return _Value([read, *check], name, 1)


def _compile(head: str, lines: list[str], spec: EventSpec, names: dict[str, Any]) -> Callable[..., Any]:
    known = {"fromhex": bytes.fromhex, "from_bytes": int.from_bytes, "Z12": bytes(12), "Malformed": Malformed} | names
    source = "\n".join([f"def {head}:", *(f"    {line}" for line in lines)])
    # The source holds offsets, bounds and type names that passed the ABI grammar, names only as `_printable`, and the
    # expressions of our own protocol files.
    exec(compile(source, f"<decoder of {_printable(spec.name)}>", "exec"), known)  # noqa: S102
    return cast(Callable[..., Any], known[head[: head.index("(")]])


def _printable(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def _by_eth_abi(spec: EventSpec) -> Decode:
    indexed_params = tuple(p for p in spec.params if p.indexed)
    indexed = make_decoder(
        EventSpec(spec.protocol, spec.name, spec.signature, spec.topic0, indexed_params, spec.anonymous)
    )
    values_of = make_arguments_decoder(tuple(p for p in spec.params if not p.indexed))

    def decode(log: Log) -> Args:
        topics = iter(indexed(Log(address=log.address, topics=log.topics, data="0x")))
        if log.data[:2] != "0x":
            raise Malformed("data is not 0x hex")
        # Compilers before Solidity 0.5 do not pad dynamic values at the end.
        values = iter(values_of(bytes.fromhex(log.data[2:] + "0" * (-(len(log.data) - 2) % 64))))
        return tuple(next(topics) if p.indexed else next(values) for p in spec.params)

    return decode


_READS_PER_BYTE = 4  # honest encodings are read about twice


class _Budgeted(ContextFramesBytesIO):
    """Bytes that may be read a few times over, and no more: many pointers to one blob are a bomb, not a value."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)  # type: ignore[no-untyped-call]
        self._left = _READS_PER_BYTE * len(data) + 1_024

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._left -= max(len(data), 1)
        if self._left < 0:
            raise InsufficientDataBytes("the same data is pointed at again and again")
        return data


def make_arguments_decoder(params: tuple[Param, ...]) -> Callable[[bytes], Args]:
    """From ABI-encoded bytes to the values of `params` by eth-abi, in the forms of `Decode`. It raises Malformed."""
    decoder = eth_abi_registry.get_tuple_decoder(*(p.type for p in params))
    types = ",".join(p.type for p in params)

    def decode(data: bytes) -> Args:
        try:
            return tuple(plain(value) for value in decoder(_Budgeted(data)))
        except (DecodingError, ValueError, OverflowError, RecursionError) as error:
            raise Malformed(f"data is not ({types}): {error}") from error

    return decode


def plain(value: Any) -> Any:
    """Byte strings as hex, sequences as tuples, as everywhere else in chainwatch."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    return value
