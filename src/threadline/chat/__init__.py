"""The rules of a chat: pure functions over rows, without SQL, clock or await."""
