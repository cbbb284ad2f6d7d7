"""The reference is a second reading: of ours it knows the rule set's model and the wire, nothing of the core."""

import ast
from pathlib import Path

HERE = Path(__file__).parent
SHARED = ("headrace.rules.model", "headrace.contracts.events", "headrace.contracts.effects")
START = "tests.reference.reading"


def imports_of(module: str) -> set[str]:
    """Every module that one of the reference's names."""
    path = HERE / f"{module.removeprefix('tests.reference.').replace('.', '/')}.py"
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def is_module(name: str) -> bool:
    return (HERE / f"{name.removeprefix('tests.reference.').replace('.', '/')}.py").exists()


def test_reference__what_it_imports__nothing_of_the_core() -> None:
    known, waiting = set[str](), [START]
    while waiting:
        module = waiting.pop()
        if module in known:
            continue
        known.add(module)
        for name in imports_of(module):
            if name == "tests.reference" or name.startswith("tests.reference."):
                waiting += [name] if is_module(name) else []
            elif name.startswith(("headrace.", "services.", "tests.")):
                assert name.startswith(SHARED), f"{module} imports {name}"
    assert f"{START.rpartition('.')[0]}.conditions" in known
