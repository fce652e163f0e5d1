"""Layouts that a kernel in C and the script that fills its memory share, written for both from one description.

A `layout.json` beside a kernel's source has
    about       one sentence
    javascript  the module to write, below static/js/decoder/worker
    constants   [name, number or an expression of names before it, comment]; every division comes out even
    enums       name -> its members, counted from 0
    structs     name -> [C type, names, comment]; every field is four bytes wide, or a struct named before
Comments may be left out. The one in segmentation/families/kernels is for all kernels: theirs may name what is in it.
"""

import json
import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
FAMILIES = ROOT / "segmentation/families"
WORKER = ROOT / "static/js/decoder/worker"
SHARED = FAMILIES / "kernels/layout.json"


def descriptions() -> list[Path]:
    return sorted(FAMILIES.rglob("layout.json"))


def generated(description: Path) -> dict[Path, str]:
    """Path -> content of the header and the module of one description."""
    layout = json.loads(description.read_text(encoding="utf-8"))
    source = description.relative_to(ROOT).as_posix()
    notice = f"Written by scripts/build_kernels.py from {source}, which is to be changed."
    return {
        description.with_name("layout.h"): _header(layout, notice, description),
        WORKER / layout["javascript"]: _module(layout, notice, description),
    }


def _header(layout: dict, notice: str, description: Path) -> str:
    lines = [f"// {layout['about']}", f"// {notice}", "", "#pragma once", ""]
    if description != SHARED:
        shared = os.path.relpath(SHARED.with_name("layout.h"), description.parent)
        lines += [f'#include "{Path(shared).as_posix()}"', ""]
    if constants := layout.get("constants"):
        lines += ["enum {"]
        lines += [f"    {name} = {value},{_comment(rest)}" for name, value, *rest in constants]
        lines += ["};", ""]
    for name, members in layout.get("enums", {}).items():
        lines += ["typedef enum {", *(f"    {member}," for member in members), f"}} {name};", ""]
    for name, fields in layout.get("structs", {}).items():
        lines += ["typedef struct {"]
        lines += [f"    {_declared(kind, names)};{_comment(rest)}" for kind, names, *rest in fields]
        lines += [f"}} {name};", ""]
    return "\n".join(lines)


def _declared(kind: str, names: str) -> str:
    pointer = "*" if kind.endswith("*") else ""
    return f"{kind.removesuffix('*')} " + ", ".join(pointer + name for name in names.split())


def _comment(rest: list[str], space: str = "  ") -> str:
    return f"{space}// {rest[0]}" if rest else ""


def _module(layout: dict, notice: str, description: Path) -> str:
    structs = {
        name: [(field, kind) for kind, names, *_ in fields for field in names.split()]
        for name, fields in layout.get("structs", {}).items()
    }
    body = []
    for name, value, *rest in layout.get("constants", []):
        body += [f"export const {name} = {value};{_comment(rest, space=' ')}"]
    for name, members in layout.get("enums", {}).items():
        body += ["", f"export const {name} = Object.freeze({{"]
        body += [*(f"    {member}: {number}," for number, member in enumerate(members)), "});"]
    for name, fields in structs.items():
        body += ["", f"export const {name} = new Struct({{"]
        body += [f"    {_camel(field)}: {_js_type(kind, layout)}," for field, kind in fields]
        body += ["});"]
    code = "\n".join(body)
    used = [name for name in ("FLOAT", "Struct", "WORD") if name in code]
    to_kernel = os.path.relpath(WORKER / "kernel", (WORKER / layout["javascript"]).parent)
    folder = "." if to_kernel == "." else Path(to_kernel).as_posix()
    imports = [f'import {{{", ".join(used)}}} from "{folder}/struct.js";']
    shared = json.loads(SHARED.read_text(encoding="utf-8"))
    theirs = [name for name, *_ in shared["constants"]] + list(shared["structs"])
    borrowed = [name for name in theirs if f" {name};" in code or f" {name}," in code]
    if description != SHARED and borrowed:
        imports = [f'import {{{", ".join(sorted(borrowed))}}} from "{folder}/layout.js";', *imports]
    return "\n".join([f"// {layout['about']}", f"// {notice}", "", *imports, "", code.strip(), ""])


def _js_type(kind: str, layout: dict) -> str:
    if kind == "float":
        return "FLOAT"
    is_word = kind == "int" or kind.endswith("*") or kind in layout.get("enums", {})
    return "WORD" if is_word else kind


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
