"""Starts the attributes service: `python -m services.attributes`."""

from headrace.runtime.process import run_service
from services.attributes.bootstrap import main
from services.attributes.settings import AttributesSettings

if __name__ == "__main__":
    run_service("attributes", AttributesSettings, main)
