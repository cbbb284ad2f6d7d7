"""Starts the attributes service: `python -m services.attributes`."""

from headrace.runtime.process import run_service_of_stores
from services.attributes.bootstrap import choose, main

if __name__ == "__main__":
    run_service_of_stores("attributes", choose, main)
