"""Rewrites written in Python: ``@graphpass.rewrite``.

===================  ===========================================================================
module               what is in it
===================  ===========================================================================
:mod:`.rewrite`      the decorator, and `PythonRewrite`, which takes conditions and replacement
:mod:`.body`         `PythonBody`: conditions and replacement at one match
:mod:`.match_view`   the ``match`` that these functions get; nodes, values and attributes in it
:mod:`.replacement_op`  the ``op`` of a replacement: what is made with it becomes a `Draft`
:mod:`.calling`      calls of users' functions, and their exceptions in words
===================  ===========================================================================
"""
