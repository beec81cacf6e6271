"""The corpus of payloads that are known to have, or not to have, what findings tell: `python -m tests.findings_corpus`.

`models` are what models said of real rows, `laws` the populations that payloads are drawn from, and a module a task
has its families of payloads. What is true of a payload is known from how it was made, never from a rule of the service.
`study` asks for the reports, `tables` makes the page that says what came out.
"""
