"""The engine: where patterns hold, and what takes the place of their matches.

A rewrite goes through these: text (`text`) or Python (`python_*`), both with the `builder` ->
`pattern`, `replacement` and the rest of the `body` -> one closure per operator (`parts`, `matcher`)
-> `match`, found by a `search` -> `draft` and `fates` -> template (`prepare`, `templates`) ->
firing (`fire`, with computed values as `weights` and `stacks` store them). `facts` is what all ask
of the graph; `group` and `worklist` say which match is next. `explain` asks the `examiner`, which
records the same search, and gives an `explanation`.
"""
