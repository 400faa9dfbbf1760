"""What a rewrite matches: patterns as text and as data.

==================  ============================================================================
module              what is in it
==================  ============================================================================
:mod:`.pattern`     the pattern IR
:mod:`.syntax`      `parse_pattern`: text -> IR; `.operands` reads what stands in a call
:mod:`.text_reader` what that shares with the reader of replacements
:mod:`.check`       what can never match
:mod:`.printing`    `print_pattern`: IR -> text
:mod:`.plan`        a pattern ready to be matched
:mod:`.compile`     `compile_pattern`: IR -> plan; `.routes` finds the way to further roots
==================  ============================================================================
"""
