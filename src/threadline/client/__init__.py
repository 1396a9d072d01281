"""A light AWS client: endpoint and key, one signed request, pages, scripted participants."""
