"""Federation: the documents of our own ActivityPub and ForgeFed actors."""
