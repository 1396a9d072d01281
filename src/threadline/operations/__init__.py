"""The operations: one AWS operation is one plain function, run inside one transaction.

`registry` registers and runs them, `idempotency` stores and returns the replies of ClientTokens, `continuations` runs
tasks, `units` holds calls as values. `sessions` has the writes that several operations share. Every other module holds
the operations of one noun.
"""
