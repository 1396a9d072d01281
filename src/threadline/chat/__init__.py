"""The rules of a chat: pure functions over rows. Nothing here waits, reads a clock or knows SQL."""
