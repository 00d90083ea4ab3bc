"""Chat transports and the way of one message: the only room that knows a chat platform."""
