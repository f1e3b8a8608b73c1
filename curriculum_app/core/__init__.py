"""The domain of data and order: documents, curation, sequences, mixtures, policies, schedules. No Django here."""
