"""What is done with an image: decoded, through pipelines, encoded; planned first, and then run."""
