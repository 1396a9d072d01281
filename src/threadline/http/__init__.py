"""HTTP/1.1 and WebSocket connections. It knows no AWS."""
