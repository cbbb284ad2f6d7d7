"""The many-valued attribute store: kept from the action topic, asked by HTTP, mirrored into one store attribute.

Its truth is `actions.attributes`; the API's writes become events, not rows.
"""
