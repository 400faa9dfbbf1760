"""What was done, as plain data.

==================  ====================================================================
module              what is in it
==================  ====================================================================
:mod:`.report`      `Report`: what a pass did, rule by rule, and its text
:mod:`.changes`     `Delta`: what is different after some edits
:mod:`.firings`     `Firing`, `NearMiss`: what rewrites did, and where they came near
:mod:`.lineage`     what has become of the model's values, so that outputs can be proved
==================  ====================================================================
"""
