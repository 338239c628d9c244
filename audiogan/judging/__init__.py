"""How good generated sounds are: what is measured of them, held against real clips, and said in sentences.

A clip is made ready and heard (`hearing`) by embedders: points in a space where near means alike. Comparisons of such
points (`comparisons`, with the distances of `audiogan.metrics`) become lines of a report card. A `judge` is fitted once
for a data set; `quick_judge` is what a training can afford at each of its saves.
"""
