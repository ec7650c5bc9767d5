"""Final answers of mathematics, read and compared without any evaluator of text.

`reader` turns an answer into the few kinds of `nodes`, `compare` says whether two of them are the same. Work is bounded
by the length of the answer and by limits on the size of numbers: what is beyond is `Unread` or `TooBig`, never a guess.
"""
