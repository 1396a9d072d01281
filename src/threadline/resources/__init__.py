"""Flows, modules, queues, users, hours and the other resources of an instance, and the operations about them.

`resource_type` holds what the operations have in common. Chats use these modules; none of them knows a chat.
"""
