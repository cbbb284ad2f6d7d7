"""Headrace: real-time customer segmentation on Kafka. The library; the processes live under `services/`."""

__version__ = "0.1.0"
