"""Threadline: a chat contact server that speaks Amazon Connect's own wire, built around persistent chat."""

__version__ = "0.1.0"
