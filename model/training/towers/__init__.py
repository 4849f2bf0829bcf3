"""Training of heads over frozen CLIP and DINOv2 towers."""
