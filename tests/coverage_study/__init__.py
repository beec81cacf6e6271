"""The study of how often the intervals of a report hold the true value: `python -m tests.coverage_study`.

`populations` are what samples are drawn from, `designs` the grid, `expected` what a sample holds on average, `rules`
what is demanded where, `study` the runs, `tables` the page that says what came out.
"""
