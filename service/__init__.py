"""Assay, a stateless HTTP service that tells people how good a model really is.

Data flows one way::

    bytes --media--> columns --schemas--> Batch, Question, Reading
    Batch --of--> states --metrics, sections--> report --media--> bytes

Start reading with `service.metrics.catalogue`, the list of everything a report holds, then `service.evaluate`,
the one loop that turns a batch into a report, then `service.api`, the routes around it.
"""
