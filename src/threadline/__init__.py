"""Threadline: a chat contact server with Amazon Connect's wire protocol, built around persistent chat."""

__version__ = "0.1.0"
