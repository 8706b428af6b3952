"""Work beside the site: sync, watch, digest, mail, proofs, snapshots, evaluation."""
