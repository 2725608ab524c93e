"""What each operation computes, written in the most obvious way."""

import decimal
import functools
import math
from fractions import Fraction

import numpy as np


def has_alpha(image, alpha):
    """Whether colours are weighted."""
    return alpha == "weighted" and image.shape[2:] == (4,)


def by_alpha(image):
    """Colours times alpha, and alphas; exact."""
    values = image.astype(np.int64)
    values[..., :3] *= values[..., 3:]
    return values


def premultiplied(image):
    """Colours as c * (alpha / 255) in float32, and alphas."""
    values = image.astype(np.float32)
    values[..., :3] *= values[..., 3:] / np.float32(255)
    return values


def unpremultiplied(sums, white, least=0.5):
    """Colours divided by what alphas are of `white`, or 0 where they are not above `least`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(sums[..., 3:] > least, white / sums[..., 3:], 0).astype(np.float32)
    return np.concatenate([sums[..., :3] * factor, sums[..., 3:]], axis=-1)


def mean_filter(image, alpha="weighted"):
    height, width = image.shape[:2]
    result = np.empty_like(image)
    for y in range(height):
        for x in range(width):
            window = image[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].astype(int)
            count = window.shape[0] * window.shape[1]
            if has_alpha(image, alpha):
                *colours, alphas = by_alpha(window).sum(axis=(0, 1))
                seen = alphas // count > 0
                result[y, x] = [*(total // alphas if seen else 0 for total in colours), alphas // count]
            else:
                result[y, x] = window.sum(axis=(0, 1)) // count
    return result


def mean_filter_large(image, alpha="weighted"):
    """The same by nine shifted images, for sizes where the loops above take too long."""
    height, width = image.shape[:2]
    weighted = has_alpha(image, alpha)
    image = by_alpha(image) if weighted else image
    total = np.zeros(image.shape, int)
    count = np.zeros(image.shape, int)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            target = np.s_[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
            source = np.s_[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)]
            total[target] += image[source]
            count[target] += 1
    if weighted:
        count[..., :3] = total[..., 3:]
        total[..., :3][total[..., 3] < count[..., 3]] = 0
        count = np.maximum(count, 1)
    return (total // count).astype(np.uint8)


def rotate90(image, turns):
    return np.ascontiguousarray(np.rot90(image, turns))


NUMPY_MODES = {
    "constant": "constant",
    "replicate": "edge",
    "reflect": "symmetric",
    "reflect101": "reflect",
    "wrap": "wrap",
}


def pad(image, left, top, right, bottom, border):
    widths = ((top, bottom), (left, right)) + ((0, 0),) * (image.ndim - 2)
    return np.pad(image, widths, mode=NUMPY_MODES[border])


def around(image, above, left, below, right, border, alpha="channel"):
    """The image as int64, with what is seen outside it: opaque, where colours are weighted by alpha."""
    seen = pad(image, left, above, right, below, border).astype(np.int64)
    if border == "constant" and has_alpha(image, alpha):
        opaque = np.zeros_like(seen[..., 3], bool)
        opaque[above : above + image.shape[0], left : left + image.shape[1]] = True
        seen[..., 3][~opaque] = 255
    return seen


def box_blur(image, radius, border, alpha="weighted"):
    if radius == 0:  # whatever alpha is
        return image
    height, width = image.shape[:2]
    window = 2 * radius + 1
    # Sums over windows as differences of sums from the top left corner on.
    corner = around(image, radius + 1, radius + 1, radius, radius, border, alpha)
    if weighted := has_alpha(image, alpha):
        corner = by_alpha(corner)
    corner[0] = 0
    corner[:, 0] = 0
    corner = corner.cumsum(axis=0).cumsum(axis=1)
    sums = corner[window:, window:] - corner[:-window, window:] - corner[window:, :-window]
    sums += corner[:-window, :-window]
    assert sums.shape[:2] == (height, width)
    if weighted:
        count = np.full_like(sums, window**2)
        count[..., :3] = np.maximum(sums[..., 3:], 1)
        sums[..., :3][2 * sums[..., 3] < window**2] = 0
        return ((2 * sums + count) // (2 * count)).astype(np.uint8)
    return ((2 * sums + window**2) // (2 * window**2)).astype(np.uint8)


def weighted_sum(rows, weights, start=0.0):
    """What float32 gives when it is added up in this order."""
    total = np.float32(start)
    for row, weight in zip(rows, weights, strict=True):
        total = total + np.float32(weight) * row
    return total


def to_bytes(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def convolve(image, weights, bias, border, alpha="weighted"):
    weights = np.asarray(weights, np.float64)
    alpha = alpha if bias == 0 and math.fsum(weights.ravel()) > 2**-20 * np.abs(weights).sum() else "channel"
    (kh, kw), (height, width) = weights.shape, image.shape[:2]
    seen = around(image, kh // 2, kw // 2, kh, kw, border, alpha)
    seen = premultiplied(seen) if has_alpha(image, alpha) else seen.astype(np.float32)
    shifted = [seen[j : j + height, i : i + width] for j in range(kh) for i in range(kw)]
    sums = weighted_sum(shifted, weights.ravel(), bias)
    if has_alpha(image, alpha):
        sums = unpremultiplied(sums, weighted_sum([np.float32(255)] * weights.size, weights.ravel()))
    return to_bytes(sums)


def convolve_separable(image, column, row, bias, border, alpha="weighted"):
    (kh, kw), (height, width) = (len(column), len(row)), image.shape[:2]
    alpha = alpha if bias == 0 else "channel"
    seen = around(image, kh // 2, kw // 2, kh, kw, border, alpha)
    seen = premultiplied(seen) if has_alpha(image, alpha) else seen.astype(np.float32)
    sums = weighted_sum([seen[j : j + height] for j in range(kh)], column)
    sums = weighted_sum([sums[:, i : i + width] for i in range(kw)], row, bias)
    if has_alpha(image, alpha):
        white = weighted_sum([np.float32(255)] * kh, column)
        sums = unpremultiplied(sums, weighted_sum([white] * kw, row))
    return to_bytes(sums)


def gaussian_weights(sigma):
    """The weights of one side from the middle, halved, over the sum of both sides."""
    radius, bits = math.ceil(3.5 * sigma), 15 if sigma <= 4 else 17
    side = np.exp(-(np.arange(radius + 1.0) ** 2) / (2 * sigma**2))
    side[0] /= 2
    outside = np.append(np.cumsum(side[::-1]), 0)[[-1, *range(radius + 1)]]
    rounded = np.rint(outside / outside[-1] * 2 ** (bits - 1)).astype(np.int64)
    return np.diff(rounded)[::-1], bits


def blur_along(values, axis, weights, bits):
    """One pass over 64ths of pixels, which extend the radius beyond the result on both sides."""
    radius = len(weights) - 1
    length = values.shape[axis] - 2 * radius
    part = [values.take(range(i, i + length), axis) for i in range(2 * radius + 1)]
    pairs = [weights[k] * (part[radius - k] + part[radius + k]) for k in range(radius + 1)]
    half = 1 << (bits - 1)
    return sum((pair + half) >> bits for pair in pairs) if bits == 15 else (sum(pairs) + half) >> bits


def gaussian_64ths(image, sigma, border, alpha="channel"):
    """The blurred image in 64ths, with colours times alpha where they are weighted by it."""
    weights, bits = gaussian_weights(sigma)
    radius = len(weights) - 1
    seen = around(image, radius, radius, radius, radius, border, alpha)
    if has_alpha(image, alpha):
        seen[..., :3] = (128 * seen[..., :3] * seen[..., 3:] + 255) // 510
    seen[..., 3 * has_alpha(image, alpha) :] *= 64
    return blur_along(blur_along(seen, 1, weights, bits), 0, weights, bits)


def gaussian_white(sigma):
    """What 255 everywhere is blurred to, in 64ths."""
    weights, bits = gaussian_weights(sigma)
    side = 2 * len(weights) - 1
    white = np.full((side, side), 255 * 64)
    return np.float32(blur_along(blur_along(white, 1, weights, bits), 0, weights, bits)[0, 0])


def gaussian_blur(image, sigma, border, alpha="weighted"):
    blurred = gaussian_64ths(image, sigma, border, alpha)
    if has_alpha(image, alpha):
        blurred = unpremultiplied(blurred.astype(np.float32), gaussian_white(sigma), least=32)
    return to_bytes(blurred / 64)


def sharpen(image, sigma, amount, threshold, border, alpha="weighted"):
    pixels = image.astype(np.float32)
    blurred = gaussian_64ths(image, sigma, border, alpha).astype(np.float32)
    seen = np.ones(image.shape, bool)
    if has_alpha(image, alpha):
        white = gaussian_white(sigma)
        seen[..., :3] = blurred[..., 3:] > 32
        blurred = unpremultiplied(blurred, white, least=32)
        blurred[..., 3] *= np.float32(255 * 64) / white
    threshold = math.floor(64 * threshold) / 64  # without weights all differences are such multiples
    difference = pixels - blurred / np.float32(64)
    exaggerated = np.where(seen & (np.abs(difference) > threshold), np.float32(amount) * difference, 0)
    result = to_bytes(pixels + exaggerated.astype(np.float32))
    if has_alpha(image, alpha):
        result[..., :3][result[..., 3] == 0] = 0
    return result


def lut(image, table):
    if table.ndim == 1:
        return table[image]
    if image.ndim == 2:
        return table[0][image]
    return np.stack([row[image[..., channel]] for channel, row in enumerate(table)], axis=-1)


def of_colours(function, image):
    """Replace each value by what a function of one value makes of it, but for alpha."""
    result = np.array([function(value) for value in range(256)], np.uint8)[image]
    if image.shape[2:] == (4,):
        result[..., 3] = image[..., 3]
    return result


def half_even(number):
    """Round an exact number to nearest, ties to even."""
    below = math.floor(number)
    if number - below == Fraction(1, 2):
        return below + below % 2
    return math.floor(number + Fraction(1, 2))


def adjust(image, brightness, contrast):
    middle = Fraction(255, 2)

    def adjusted(value):
        exact = Fraction(contrast) * (value - middle) + middle + Fraction(brightness)
        return min(max(half_even(exact), 0), 255)

    return of_colours(adjusted, image)


def gamma(image, exponent):
    return of_colours(lambda value: round(255 * (value / 255) ** exponent), image)


def threshold(image, level):
    return of_colours(lambda value: 255 if value > level else 0, image)


def grayscale(image):
    if image.shape[2:] in {(), (1,)}:
        return image.reshape(image.shape[:2])
    quotient, rest = np.divmod(image[..., :3].astype(int) @ [9798, 19235, 3735], 32768)
    return (quotient + ((rest > 16384) | ((rest == 16384) & (quotient % 2 == 1)))).astype(np.uint8)


def color_matrix(image, matrix):
    """Float32, one product and one sum after the other."""
    colours = (image if image.ndim == 3 else image[..., np.newaxis]).astype(np.float32)
    colours = colours.repeat(3, axis=2) if colours.shape[2] == 1 else colours
    result = colours.astype(np.uint8)
    for channel, row in enumerate(np.array(matrix, np.float32)):
        total = np.full(image.shape[:2], row[3] if len(row) > 3 else 0, np.float32)
        for weight, of in zip(row, (0, 1, 2), strict=False):
            total = total + weight * colours[..., of]
        result[..., channel] = np.rint(total).clip(0, 255)
    return result


def saturation(image, amount):
    """Of real numbers; no tie is near where an example is not made of ties."""
    if image.ndim == 2 or image.shape[2] == 1:
        return image
    result = image.copy()
    for place in np.ndindex(image.shape[:2]):
        gray = Fraction(int(image[place][:3].astype(int) @ [9798, 19235, 3735]), 32768)
        for channel in range(3):
            exact = gray + Fraction(amount) * (int(image[place][channel]) - gray)
            result[(*place, channel)] = min(max(half_even(exact), 0), 255)
    return result


def flatten(image, background):
    if image.shape[2:] != (4,):
        return image
    alpha = image[..., 3:].astype(int)
    total = image[..., :3] * alpha + np.array(background) * (255 - alpha)
    return ((2 * total + 255) // 510).astype(np.uint8)


FILTERS = {
    "box": (0.5, lambda x: float(-0.5 < x <= 0.5)),
    "bilinear": (1, lambda x: max(1 - abs(x), 0)),
    "bicubic": (2, lambda x: _cubic(abs(x), -0.5)),
    "lanczos": (3, lambda x: _sinc(x) * _sinc(x / 3) if abs(x) < 3 else 0),
}


def _cubic(x, a):
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0


def _sinc(x):
    return math.sin(math.pi * x) / (math.pi * x) if x else 1


@functools.cache
def resize_weights(source, result, resample):
    """For each pixel of the result the first of its window, and the weights."""
    support, function = FILTERS[resample]
    scale = source / result
    stretch = max(scale, 1)
    windows = []
    for x in range(result):
        centre = (x + 0.5) * scale
        start = max(math.floor(centre - support * stretch + 0.5), 0)
        stop = min(math.floor(centre + support * stretch + 0.5), source)
        weights = [function((t - centre + 0.5) / stretch) for t in range(start, stop)]
        whole = [round(weight * 2**38) for weight in weights]
        total = sum(whole)
        windows.append((start, [np.float32(weight / total) for weight in whole]))
    return windows


def resize_rows(image, height, resample):
    result = np.zeros((height, *image.shape[1:]), np.float32)
    for y, (start, weights) in enumerate(resize_weights(image.shape[0], height, resample)):
        for t, weight in enumerate(weights):
            result[y] = result[y] + weight * image[start + t].astype(np.float32)
    return result


def resize_both(image, width, height, resample):
    rows = resize_rows(image, height, resample)
    return np.swapaxes(resize_rows(np.swapaxes(rows, 0, 1), width, resample), 0, 1)


def resize(image, width, height, resample, alpha="weighted"):
    if resample == "nearest":
        rows = [(2 * y + 1) * image.shape[0] // (2 * height) for y in range(height)]
        columns = [(2 * x + 1) * image.shape[1] // (2 * width) for x in range(width)]
        return image[rows][:, columns]
    if (height, width) == image.shape[:2]:
        return image
    if has_alpha(image, alpha):
        white = np.full((*image.shape[:2], 1), 255)
        sums = resize_both(premultiplied(image), width, height, resample)
        return to_bytes(unpremultiplied(sums, resize_both(white, width, height, resample)))
    return to_bytes(resize_both(image, width, height, resample))


PI = decimal.Decimal("3.14159265358979323846264338327950288419716939937510582097494")


def cosine_and_sine(degrees):
    """Both to more than 40 decimal places, by their series at the angle itself, as fractions."""
    with decimal.localcontext() as context:
        context.prec = 55
        angle = decimal.Decimal(degrees) % 360 * PI / 180
        term, sums = decimal.Decimal(1), [decimal.Decimal(0)] * 2
        for power in range(100):
            sums[power % 2] += term if power % 4 < 2 else -term
            term *= angle / (power + 1)
    return [Fraction(each) for each in sums]


def cubic_weights(t):
    """Keys' weights with a = -1/2 of the four pixels around a fraction, in 2**-11, that add up to 1."""

    def keys(x):
        x = abs(x)
        if x <= 1:
            return Fraction(3, 2) * x**3 - Fraction(5, 2) * x**2 + 1
        return -Fraction(1, 2) * x**3 + Fraction(5, 2) * x**2 - 4 * x + 2

    weights = [round(keys(t - k) * 2048) for k in (-1, 0, 1, 2)]
    weights[1 if t <= Fraction(1, 2) else 2] += 2048 - sum(weights)
    return weights


def outside(index, length, border):
    """Where along an axis a pixel comes from, or None."""
    if border == "constant":
        return index if 0 <= index < length else None
    if border == "replicate":
        return min(max(index, 0), length - 1)
    if border == "wrap" or length == 1:
        return index % length
    period = 2 * length - (2 if border == "reflect101" else 0)
    index %= period
    return index if index < length else period - index - (border == "reflect")


def warp(image, places, size, resample, border="constant", fill=0, alpha="weighted"):
    """Pixel by pixel; `places` are x and y of the first pixel, and steps across and down, in 2**-32."""
    height, width = image.shape[:2]
    pixels = image.reshape(height, width, -1)
    fill = np.broadcast_to(np.asarray(fill, image.dtype), pixels.shape[2:])
    result = np.empty((*size, pixels.shape[2]), image.dtype)
    x0, y0, x_across, y_across, x_down, y_down = places
    unit = 1 << 32

    def pixel(row, column):
        row, column = outside(row, height, border), outside(column, width, border)
        return fill if row is None or column is None else pixels[row, column]

    for y, x in np.ndindex(*size):
        at = [Fraction(x0 + x * x_across + y * x_down, unit), Fraction(y0 + x * y_across + y * y_down, unit)]
        if resample == "nearest":
            column, row = (math.floor(each + Fraction(1, 2)) for each in at)
            result[y, x] = pixel(row, column)
            continue
        column, row = (math.floor(each * 128 + Fraction(1, 2)) for each in at)
        if resample == "bilinear":
            one, first = 128, 0
            across, down = ([128 - each % 128, each % 128] for each in (column, row))
        else:
            one, first = 2048, -1
            across, down = (cubic_weights(Fraction(each % 128, 128)) for each in (column, row))
        sums = [0] * pixels.shape[2]
        weighted = has_alpha(image, alpha)
        for t, upright in enumerate(down, row // 128 + first):
            for s, level in enumerate(across, column // 128 + first):
                values = [int(value) for value in pixel(t, s)]
                if weighted:
                    values[:3] = [value * values[3] for value in values[:3]]
                sums = [total + upright * level * value for total, value in zip(sums, values, strict=True)]
        whole = [one * one] * len(sums)
        if weighted:
            seen = (2 * sums[3] + whole[3]) // (2 * whole[3]) > 0
            whole[:3] = [sums[3] if seen else 0] * 3
        result[y, x] = [
            min(max((2 * total + of) // (2 * of), 0), 255) if of else 0
            for total, of in zip(sums, whole, strict=True)
        ]
    return result.reshape(*size, *image.shape[2:])


def counts(image):
    """How many pixels have each value, for each channel."""
    channels = image.reshape(*image.shape[:2], -1)
    return np.stack([np.bincount(channels[..., i].ravel(), minlength=256) for i in range(channels.shape[2])])
