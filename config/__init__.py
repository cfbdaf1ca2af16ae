"""Settings and the parts every app leans on. Names apps by string only and imports none of them."""
