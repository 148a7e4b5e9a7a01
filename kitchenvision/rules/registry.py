"""Finds the rules: every module of this folder that defines `RULE`."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

import kitchenvision.rules as folder
from kitchenvision.rules.rule import Rule


def all_rules() -> Mapping[str, Rule]:
    """Rules by id, in order of id.

    Raises:
        ValueError: when two files define the same id.
    """
    rules: dict[str, Rule] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(folder.__path__)):
        rule = getattr(importlib.import_module(f"{folder.__name__}.{module}"), "RULE", None)
        if rule is None:
            continue
        if rule.rule_id in rules:
            raise ValueError(f"two rules are called {rule.rule_id!r}: one of them is in {module}.py")
        rules[rule.rule_id] = rule
    return MappingProxyType(dict(sorted(rules.items())))
