"""The nouns, frozen.

`place` and `target` say what is asked, `spec` what a probe is told, `samples` what it measured, `record`
what is kept.
"""
