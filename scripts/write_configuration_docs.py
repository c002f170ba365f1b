#!/usr/bin/env python3
"""Write docs/configuration.md and docs/schema/*.json from the configuration models, so that they cannot drift.

With --check, write nothing and exit 1 naming the files that differ.
"""

import json
import sys
import types
import typing
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from chainwatch.config.models import Config, PlaybookConfig, Profile

DOCS = Path(__file__).resolve().parents[1] / "docs"

FILES: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("chainwatch", "chainwatch.toml", Config),
    ("profile", "profiles/*.toml", Profile),
    ("playbook", "playbooks/*.toml", PlaybookConfig),
)

INTRODUCTION = """\
# Configuration

Generated from the models in `chainwatch/config/models.py` by `scripts/write_configuration_docs.py`.

Everything is TOML. An unknown key is an error, every key has an effect, and relative paths are relative to
`chainwatch.toml`. `chainwatch check` holds the files against each other and against the node. Editors that know
JSON Schema can use `docs/schema/*.json`.
"""


def main() -> int:
    wanted = {DOCS / "configuration.md": _markdown()}
    for name, _, model in FILES:
        wanted[DOCS / "schema" / f"{name}.json"] = json.dumps(model.model_json_schema(), indent=2) + "\n"
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(DOCS.parent)} differs from the models: run scripts/write_configuration_docs.py")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    return 0


def _markdown() -> str:
    parts = [INTRODUCTION]
    for _, title, model in FILES:
        parts.append(f"\n## `{title}`\n\n{_doc(model)}\n")
        parts.append(_table(model, ""))
    return "".join(parts)


def _table(model: type[BaseModel], prefix: str) -> str:
    rows, nested = [], []
    for name, field in model.model_fields.items():
        inner, is_list = _nested(field.annotation)
        if inner is not None:
            nested.append((f"{prefix}{name}", inner, is_list))
            continue
        rows.append(
            f"| `{name}` | {_type(field.annotation)} | {_default(field)} | {field.description or _said(name)} |\n"
        )
    text = "\n| key | type | default | |\n|---|---|---|---|\n" + "".join(rows) if rows else ""
    for name, inner, is_list in nested:
        header = f"[[{name}]]" if is_list else f"[{name}]"
        text += f"\n### `{header}`\n\n{_doc(inner)}\n{_table(inner, name + '.')}"
    return text


def _said(name: str) -> str:
    return {"name": "A name of letters, digits, `_`, `.` and `-`.", "address": "0x and 40 hex digits."}.get(name, "")


def _nested(annotation: object) -> tuple[type[BaseModel] | None, bool]:
    for part in typing.get_args(annotation) or (annotation,):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part, typing.get_origin(annotation) is tuple
    return None, False


def _type(annotation: object) -> str:
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(args[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(a) for a in args if a is not type(None))
    if origin is tuple:
        return f"list of {_type(args[0])}"
    if origin is typing.Literal:
        return ", ".join(f"`{a.value if hasattr(a, 'value') else a}`" for a in args)
    return {"str": "text", "int": "integer", "float": "number", "bool": "true or false", "Path": "path"}.get(
        getattr(annotation, "__name__", ""), getattr(annotation, "__name__", str(annotation))
    )


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None or field.default == ():
        return "-"
    value = field.default
    if isinstance(value, tuple):
        return ", ".join(f"`{getattr(v, 'value', v)}`" for v in value)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{getattr(value, 'value', value)}`"


def _doc(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


if __name__ == "__main__":
    sys.exit(main())
