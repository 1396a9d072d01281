"""The services around the server that a flow calls: Lambda functions, Lex bots, and services that are mapped to a URL.

`directory` knows which neighbour answers a name, `wire` makes a call, `lambda_function` and `bot` read the answers.
A neighbour is reached only where one is configured; nothing is called by default.
"""
