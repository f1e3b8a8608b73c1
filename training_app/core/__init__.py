"""The domain of training: configs, the loop, probes, held-out scores, resume points. No Django here."""
