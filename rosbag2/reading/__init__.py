"""Messages of a bag in time order, from one store per format; archives of bags."""
