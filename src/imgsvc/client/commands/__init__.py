"""What ``imgsvc-client`` does beside one image: a module for each command, with its ``main``."""

COMMANDS = {
    "batch": "every image of a folder through a pipeline",
    "bench": "put a server under load, and measure",
    "describe": "say what an image is, how it was taken, and which colours it has",
    "doctor": "check this installation and the way to the server",
    "health": "say whether a server takes calls, by its exit code",
    "info": "say what a server is and can do",
    "operations": "show what pipelines are made of: operations, parameters, examples",
    "plan": "say what a pipeline would do with an image, and what it would cost",
    "replay": "send a request again that a server has kept, and say what comes of it",
}
"""The commands, each in a line."""
