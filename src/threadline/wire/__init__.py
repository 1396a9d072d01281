"""The wire: AWS's service models, and all between bytes and an operation's arguments. It knows no Connect rule."""
