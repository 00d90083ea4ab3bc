"""What can happen: one function per event, called by dialogs, console and scheduler alike."""
