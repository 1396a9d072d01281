"""The actions of the Flow language: one function and its declaration each.

A function gets an action's parameters (checked when the flow was created) and the chat's data. It returns an effect for
the runner to carry out, a value or an error to branch on, or the end. It changes nothing.
To add an action, write one function in a module of this package under `@action(...)`; `language` and `engine` need no
change.

Source: https://docs.aws.amazon.com/connect/latest/devguide/flow-language-actions.html and its action pages.
"""

from threadline.flows.actions import branching, contact, messages, services, transfers
from threadline.flows.declaration import ACTION_FUNCTIONS, ACTION_TYPES

__all__ = ["ACTION_FUNCTIONS", "ACTION_TYPES", "branching", "contact", "messages", "services", "transfers"]
