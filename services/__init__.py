"""What can happen: one function per event, called by people talking, by admins clicking and by time passing."""
