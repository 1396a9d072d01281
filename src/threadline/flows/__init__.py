"""Flows: the steps of a chat without an agent, written in Amazon Connect's Flow language. All of it is pure.

`language` reads a flow and refuses one that could not run, `actions` declares the actions, `engine` steps from one
action to the next, `references` resolves `$.` references. `tasks.flow_runs` runs flows on the store.
"""
