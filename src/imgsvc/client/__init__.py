"""The client of NLImageService: `imgsvc.Client` for programs, ``imgsvc-client`` for the shell."""
