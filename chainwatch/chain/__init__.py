"""Talking to nodes: JSON-RPC over HTTP, subscriptions over WebSocket, and an Anvil process of our own."""
