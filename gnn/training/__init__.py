"""Learning the parameters: trainer, gradients, batches, memory, checkpoint, tuning."""
