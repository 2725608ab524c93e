"""The messages and stubs of ``imgsvc.v1``, generated from ``proto/imgsvc/v1`` when the package is built."""
