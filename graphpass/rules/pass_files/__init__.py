"""A pass file becomes rules.

====================  ==================================================================
module                what is in it
====================  ==================================================================
:mod:`.loading`       `load_pass`: YAML file or Python rules -> `Pass`, with its `Rule`s
:mod:`.parameters`    ``${name}``: the parameters of a pass
:mod:`.schema`        the JSON Schema of a pass, and its errors in words
:mod:`.yaml_text`     YAML text -> values that know line and column, and errors with a caret
====================  ==================================================================
"""
