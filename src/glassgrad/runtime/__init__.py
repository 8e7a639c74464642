"""What happens at a call: signature, guards, which paths are known, the caches."""
