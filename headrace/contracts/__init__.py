"""The wire contracts: every record that crosses a topic, the topics themselves, and money.

The structs here are the one definition; `schemas/` is written from them. What a contract means to the
segmentation of a customer does not live here.
"""
