"""Models behind a URL: asked by prompts, timed over the wire, billed by the token."""
