"""A light AWS client: which server, which key, one signed request, pages."""
