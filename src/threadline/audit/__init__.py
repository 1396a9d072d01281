"""The audit: a line for each call, with its caller and its contact, in files that show when they were changed.

`events` makes the lines, `chain` writes them, `verify` checks them. A line never holds content.
"""
