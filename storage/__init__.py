"""SQLAlchemy: the only room that knows SQL. One file holds one feature's tables and queries."""
