"""The operations as methods of a client."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Generic, TypeVar

from imgsvc.operations import (
    Adjust,
    BoxBlur,
    ColorMatrix,
    Convert,
    Convolve,
    Crop,
    Flatten,
    Flip,
    Gamma,
    GaussianBlur,
    Grayscale,
    Invert,
    Letterbox,
    Lut,
    MeanFilter,
    Operation,
    Pad,
    Resize,
    Rotate,
    Rotate90,
    Saturation,
    Sharpen,
    Threshold,
    Transpose,
    Trim,
    WarpAffine,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from imgsvc._images import DTypeName, ImageLike
    from imgsvc.operations.alpha import Alpha
    from imgsvc.operations.borders import Border
    from imgsvc.operations.colors import Color
    from imgsvc.operations.fitting import Fit, Position
    from imgsvc.operations.resizing import Resample
    from imgsvc.operations.warping import Interpolation

__all__ = ["OperationMethods"]

R = TypeVar("R")


class OperationMethods(abc.ABC, Generic[R]):
    """Each operation as a method, with the parameters of its function in `imgsvc` and two more.

    ``timeout`` is the seconds that this call may take, by default the client's. The result is a read-only
    view of the answer's bytes; ``writable`` makes it a writable copy. `mean_filter` and `rotate90` call
    NLImageService, which every server of that contract has; they call `imgsvc.v1.ImageService`, as the others
    do, for images with alpha and those of more than 8 bits.
    """

    @abc.abstractmethod
    def _run(self, operation: Operation, image: ImageLike, timeout: float | None, *, writable: bool) -> R:
        """Have the server apply an operation to an array."""

    def mean_filter(
        self,
        image: ImageLike,
        *,
        alpha: Alpha = "weighted",
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.mean_filter` does, computed by the server.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
            Any strides; or another image that `process` takes.
        alpha : {"weighted", "channel"}
            Whether colours are weighted by alpha, where there is some.
        timeout : float, optional
            Seconds that this call may take; by default the client's.
        writable : bool
            The result is a read-only view of the answer's bytes; this makes it a writable copy.

        Returns
        -------
        ndarray of uint8
            Of the image's shape.

        Raises
        ------
        InvalidImageError, InvalidParameterError
            No message can carry the array, or `alpha` is none of these; nothing was sent.
        RequestRefusedError, ServiceUnavailableError, ServiceTimeoutError, ServiceError
            The call failed; each carries the gRPC status as `code`.
        """
        return self._run(MeanFilter(alpha), image, timeout, writable=writable)

    def rotate(
        self,
        image: ImageLike,
        degrees: float,
        *,
        expand: bool = True,
        resample: Interpolation = "bilinear",
        alpha: Alpha = "weighted",
        fill: Color = 0,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.rotate` does, computed by the server."""
        operation = Rotate(degrees, expand, resample, alpha, fill)
        return self._run(operation, image, timeout, writable=writable)

    def warp_affine(
        self,
        image: ImageLike,
        matrix: ArrayLike,
        *,
        width: int | None = None,
        height: int | None = None,
        resample: Interpolation = "bilinear",
        border: Border = "constant",
        alpha: Alpha = "weighted",
        fill: Color = 0,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.warp_affine` does, computed by the server."""
        operation = WarpAffine(matrix, width, height, resample, border, alpha, fill)  # type: ignore[arg-type] # it makes tuples of it
        return self._run(operation, image, timeout, writable=writable)

    def rotate90(
        self, image: ImageLike, turns: int = 1, *, timeout: float | None = None, writable: bool = False
    ) -> R:
        """Return what `imgsvc.rotate90` does, computed by the server.

        Parameters
        ----------
        image : ndarray of uint8, uint16 or float32, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
            Any strides; or another image that `process` takes.
        turns : int
            The number of quarter turns counter-clockwise, taken modulo 4.
        timeout, writable
            As for `mean_filter`.

        Returns
        -------
        ndarray of the image's dtype
            With rows and columns exchanged for an odd number of turns.

        Raises
        ------
        InvalidImageError, InvalidParameterError
            No message can carry the array, or `turns` is no integer; nothing was sent.
        RequestRefusedError, ServiceUnavailableError, ServiceTimeoutError, ServiceError
            The call failed; each carries the gRPC status as `code`.
        """
        return self._run(Rotate90(turns), image, timeout, writable=writable)

    def box_blur(
        self,
        image: ImageLike,
        radius: int,
        *,
        border: Border = "reflect101",
        alpha: Alpha = "weighted",
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.box_blur` does, computed by the server."""
        return self._run(BoxBlur(radius, border, alpha), image, timeout, writable=writable)

    def gaussian_blur(
        self,
        image: ImageLike,
        sigma: float,
        *,
        border: Border = "reflect101",
        alpha: Alpha = "weighted",
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.gaussian_blur` does, computed by the server."""
        return self._run(GaussianBlur(sigma, border, alpha), image, timeout, writable=writable)

    def sharpen(
        self,
        image: ImageLike,
        *,
        sigma: float = 1.0,
        amount: float = 1.0,
        threshold: float = 0.0,
        border: Border = "reflect101",
        alpha: Alpha = "weighted",
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.sharpen` does, computed by the server."""
        operation = Sharpen(sigma, amount, threshold, border, alpha)
        return self._run(operation, image, timeout, writable=writable)

    def convolve(
        self,
        image: ImageLike,
        weights: ArrayLike,
        *,
        bias: float = 0.0,
        border: Border = "reflect101",
        alpha: Alpha = "weighted",
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.convolve` does, computed by the server."""
        operation = Convolve(weights, bias, border, alpha)  # type: ignore[arg-type] # it makes tuples of them
        return self._run(operation, image, timeout, writable=writable)

    def resize(
        self,
        image: ImageLike,
        width: int | None = None,
        height: int | None = None,
        *,
        resample: Resample = "bilinear",
        alpha: Alpha = "weighted",
        fit: Fit = "fill",
        position: Position = "center",
        enlarge: bool = True,
        background: Color = 0,
        scale: float | None = None,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.resize` does, computed by the server."""
        operation = Resize(width, height, resample, alpha, fit, position, enlarge, background, scale)
        return self._run(operation, image, timeout, writable=writable)

    def crop(
        self,
        image: ImageLike,
        *,
        left: int | None = None,
        top: int | None = None,
        width: int | None = None,
        height: int | None = None,
        position: Position = "center",
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.crop` does, computed by the server."""
        return self._run(Crop(left, top, width, height, position), image, timeout, writable=writable)

    def pad(
        self,
        image: ImageLike,
        *,
        left: int = 0,
        top: int = 0,
        right: int = 0,
        bottom: int = 0,
        border: Border = "constant",
        fill: Color = 0,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.pad` does, computed by the server."""
        return self._run(Pad(left, top, right, bottom, border, fill), image, timeout, writable=writable)

    def flip(
        self,
        image: ImageLike,
        axis: int,
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.flip` does, computed by the server."""
        return self._run(Flip(axis), image, timeout, writable=writable)

    def letterbox(
        self,
        image: ImageLike,
        width: int,
        height: int,
        fill: Color = "#727272",
        *,
        resample: Resample = "bilinear",
        alpha: Alpha = "weighted",
        position: Position = "center",
        enlarge: bool = True,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.letterbox` does, computed by the server."""
        operation = Letterbox(width, height, fill, resample, alpha, position, enlarge)
        return self._run(operation, image, timeout, writable=writable)

    def trim(
        self,
        image: ImageLike,
        threshold: int = 10,
        background: Color | None = None,
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.trim` does, computed by the server."""
        return self._run(Trim(threshold, background), image, timeout, writable=writable)

    def transpose(
        self,
        image: ImageLike,
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.transpose` does, computed by the server."""
        return self._run(Transpose(), image, timeout, writable=writable)

    def grayscale(
        self,
        image: ImageLike,
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.grayscale` does, computed by the server."""
        return self._run(Grayscale(), image, timeout, writable=writable)

    def invert(
        self,
        image: ImageLike,
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.invert` does, computed by the server."""
        return self._run(Invert(), image, timeout, writable=writable)

    def adjust(
        self,
        image: ImageLike,
        brightness: float = 0.0,
        contrast: float = 1.0,
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.adjust` does, computed by the server."""
        return self._run(Adjust(brightness, contrast), image, timeout, writable=writable)

    def gamma(
        self,
        image: ImageLike,
        gamma: float,
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.gamma` does, computed by the server."""
        return self._run(Gamma(gamma), image, timeout, writable=writable)

    def threshold(
        self,
        image: ImageLike,
        level: int,
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.threshold` does, computed by the server."""
        return self._run(Threshold(level), image, timeout, writable=writable)

    def lut(
        self,
        image: ImageLike,
        table: ArrayLike,
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.lut` does, computed by the server."""
        return self._run(Lut(table), image, timeout, writable=writable)

    def saturation(
        self,
        image: ImageLike,
        amount: float,
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.saturation` does, computed by the server."""
        return self._run(Saturation(amount), image, timeout, writable=writable)

    def color_matrix(
        self,
        image: ImageLike,
        matrix: ArrayLike,
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.color_matrix` does, computed by the server."""
        operation = ColorMatrix(matrix)  # type: ignore[arg-type] # it makes tuples of it
        return self._run(operation, image, timeout, writable=writable)

    def flatten(
        self,
        image: ImageLike,
        background: Color = "#ffffff",
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.flatten` does, computed by the server."""
        return self._run(Flatten(background), image, timeout, writable=writable)

    def convert(
        self,
        image: ImageLike,
        dtype: DTypeName = "uint8",
        *,
        timeout: float | None = None,
        writable: bool = False,
    ) -> R:
        """Return what `imgsvc.convert` does, computed by the server."""
        return self._run(Convert(dtype), image, timeout, writable=writable)
