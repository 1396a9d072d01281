"""Flows: what happens in a chat without an agent, written in Amazon Connect's Flow language.

`language` reads a flow and refuses one that could not run, `actions` declares what each action does, `engine` is
the pure step from one to the next. `runner`, the only impure module, is imported by the composition root alone.
"""
