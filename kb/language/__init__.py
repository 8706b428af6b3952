"""Russian and English words: tokens, morphology, spelling, corrections, synonyms."""
