"""EfficientNet-Lite0 in numpy: a picture as 1,280 numbers that a network learned on ImageNet to tell pictures by.

The network of Tan and Le (EfficientNet, 2019) in its Lite form: no squeeze and excitation, ReLU6 throughout. Only the
forward pass up to the mean over all places is here; batch norms are folded into the convolutions when it is loaded.
Arrays are (height, width, channels). A 1 x 1 convolution is a matrix product; a depthwise one is a sum of shifted,
weighted copies. One picture takes 0.4 thousand million multiplications.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from journalclip_extraction.quality.checkpoint import Array, read_checkpoint

SIDE = 224
WIDTH = 1280
_EPSILON = 1e-3  # of the batch norms, as they were trained
# Of each stage: blocks, kernel, stride of the first block.
_STAGES = ((1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1), (4, 5, 2), (1, 3, 1))


@dataclass(frozen=True)
class Convolution:
    """``weight``: (inputs, outputs) of a 1 x 1, (kernel, kernel, channels) of a depthwise, (27, 32) of the first."""

    weight: Array
    bias: Array


@dataclass(frozen=True)
class Block:
    """An inverted bottleneck: wider, each channel by itself, narrower; added to its input where shapes agree."""

    expand: Convolution | None
    depthwise: Convolution
    project: Convolution
    stride: int

    def __call__(self, x_HWC: Array) -> Array:
        wide = _relu6(_pointwise(x_HWC, self.expand)) if self.expand else x_HWC
        out = _pointwise(_relu6(_depthwise(wide, self.depthwise, self.stride)), self.project)
        return out + x_HWC if out.shape == x_HWC.shape else out


@dataclass(frozen=True)
class Network:
    """The whole of it, batch norms folded."""

    stem: Convolution
    blocks: tuple[Block, ...]
    head: Convolution

    def features(self, image: Image.Image) -> Array:
        """(1280,) means of the last layer over a picture squeezed to 224 x 224."""
        x = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32)
        x = _relu6(_first(x / 127.5 - 1, self.stem))
        for block in self.blocks:
            x = block(x)
        mean: Array = _relu6(_pointwise(x, self.head)).mean(axis=(0, 1))
        return mean


@functools.cache
def network() -> Network:
    """Loaded once a process. Raises what `read_checkpoint` raises."""
    return build(read_checkpoint())


def build(tensors: Mapping[str, Array]) -> Network:
    """From the checkpoint's tensors, named as in the public PyTorch port."""
    stem = _folded(tensors, "_conv_stem", "_bn0")
    blocks = tuple(_block(tensors, f"_blocks.{at}.", stride) for at, stride in enumerate(_strides()))
    head = _folded(tensors, "_conv_head", "_bn1")
    kernel = stem.weight.shape[-1]
    first = Convolution(stem.weight.transpose(2, 3, 1, 0).reshape(kernel * kernel * 3, -1).copy(), stem.bias)
    return Network(first, blocks, _as_matrix(head))


def _strides() -> Iterator[int]:
    for blocks, _, stride in _STAGES:
        yield stride
        yield from (1,) * (blocks - 1)


def _block(tensors: Mapping[str, Array], name: str, stride: int) -> Block:
    expand = f"{name}_expand_conv.weight" in tensors
    depthwise = _folded(tensors, f"{name}_depthwise_conv", f"{name}_bn1")
    return Block(
        _as_matrix(_folded(tensors, f"{name}_expand_conv", f"{name}_bn0")) if expand else None,
        Convolution(depthwise.weight[:, 0].transpose(1, 2, 0).copy(), depthwise.bias),
        _as_matrix(_folded(tensors, f"{name}_project_conv", f"{name}_bn2")),
        stride,
    )


def _folded(tensors: Mapping[str, Array], convolution: str, norm: str) -> Convolution:
    """A convolution with its batch norm: the weights scaled, the shift as its bias."""
    scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + _EPSILON)
    weight = tensors[f"{convolution}.weight"] * scale[:, None, None, None]
    return Convolution(weight, tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale)


def _as_matrix(convolution: Convolution) -> Convolution:
    return Convolution(np.ascontiguousarray(convolution.weight[:, :, 0, 0].T), convolution.bias)


def _relu6(x: Array) -> Array:
    return np.clip(x, 0, 6, out=x)


def _pointwise(x_HWC: Array, convolution: Convolution) -> Array:
    high, wide, channels = x_HWC.shape
    out: Array = x_HWC.reshape(-1, channels) @ convolution.weight
    out += convolution.bias
    return out.reshape(high, wide, -1)


def _padded(x_HWC: Array, kernel: int, stride: int) -> tuple[Array, int]:
    """Zeros around, as TensorFlow's "same" puts them: the odd one at the end. Returns also the output's side."""
    side = -(-x_HWC.shape[0] // stride)
    missing = max((side - 1) * stride + kernel - x_HWC.shape[0], 0)
    before, after = missing // 2, missing - missing // 2
    return np.pad(x_HWC, ((before, after), (before, after), (0, 0))), side


def _first(x_HWC: Array, convolution: Convolution) -> Array:
    padded, side = _padded(x_HWC, 3, 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))[::2, ::2]  # (H, W, C, 3, 3)
    columns = windows.transpose(0, 1, 3, 4, 2).reshape(side * side, -1)
    out: Array = columns @ convolution.weight + convolution.bias
    return out.reshape(side, side, -1)


def _depthwise(x_HWC: Array, convolution: Convolution, stride: int) -> Array:
    kernel = convolution.weight.shape[0]
    padded, side = _padded(x_HWC, kernel, stride)
    reach = (side - 1) * stride + 1
    out: npt.NDArray[np.float32] = np.empty((side, side, x_HWC.shape[2]), np.float32)
    out[:] = convolution.bias
    weighted = np.empty_like(out)
    for down in range(kernel):
        for across in range(kernel):
            shifted = padded[down : down + reach : stride, across : across + reach : stride]
            np.multiply(shifted, convolution.weight[down, across], out=weighted)
            out += weighted
    return out
