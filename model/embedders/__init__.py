"""Universal segment embedding: pooling, fusion, head, and the embedder they make."""
