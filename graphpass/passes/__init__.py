"""The shipped passes: rules as data, one YAML file each.

`graphpass.rules.load_pass` takes their names: ``load_pass("siamese")``.
"""

from graphpass.rules.pass_files.loading import shipped_names, shipped_text

__all__ = ["shipped_names", "shipped_text"]
