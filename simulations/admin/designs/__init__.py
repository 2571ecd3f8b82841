"""The pages of simulations: their form, stages, preview, history and start."""
