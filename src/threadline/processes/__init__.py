"""The processes of one server: supervisor, writer, frontends, and the channel between them."""
