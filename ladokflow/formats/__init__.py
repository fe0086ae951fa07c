"""How days and moments are written on pages, in mails and in sentences: one way in each language. For machines they are ISO 8601."""
