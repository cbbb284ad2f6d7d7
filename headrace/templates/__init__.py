"""Templates: rules that others have needed, with parameters and golden cases; pure but for finding those that ship.

A template is one YAML file: `template:` says what it is, then come rules as in any rule file, then `cases:`.
"""
