"""EfficientNet-Lite0: a picture as 1,280 numbers that a network learned on ImageNet to tell pictures by.

The network of Tan and Le (EfficientNet, 2019) in its Lite form: no squeeze and excitation, ReLU6 throughout. Only the
forward pass up to the mean over all places is here; batch norms are folded into the convolutions when it is loaded.
The graph is put together from the checkpoint's tensors in memory and run by onnxruntime on one thread: it starts none,
as the sandbox forbids threads to who reads an article. One picture takes 0.4 thousand million multiplications.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper
from PIL import Image

from journalclip_extraction.quality.checkpoint import Array, read_checkpoint

SIDE = 224
WIDTH = 1280
_EPSILON = 1e-3  # of the batch norms, as they were trained
_OPERATORS, _FORMAT = 17, 8  # versions of ONNX's operators and of its file that every onnxruntime of today reads
# Of each stage: blocks, kernel, stride of the first block.
_STAGES = ((1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1), (4, 5, 2), (1, 3, 1))


@dataclass(frozen=True)
class Network:
    """The whole of it, ready to run."""

    session: ort.InferenceSession

    def features(self, image: Image.Image) -> Array:
        """(1280,) means of the last layer over a picture squeezed to 224 x 224."""
        squeezed = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        x_HWC = np.asarray(squeezed, np.float32) / 127.5 - 1
        (mean,) = self.session.run(None, {"picture": x_HWC.transpose(2, 0, 1)[None]})
        features: Array = np.asarray(mean, np.float32).reshape(WIDTH)
        return features


@functools.cache
def network() -> Network:
    """Loaded once a process. Raises what `read_checkpoint` raises."""
    return build(read_checkpoint())


def build(tensors: Mapping[str, Array]) -> Network:
    """From the checkpoint's tensors, named as in the public PyTorch port."""
    alone = ort.SessionOptions()
    alone.intra_op_num_threads = alone.inter_op_num_threads = 1
    model = _Graph(tensors).model()
    return Network(ort.InferenceSession(model.SerializeToString(), alone, providers=["CPUExecutionProvider"]))


def _strides() -> Iterator[int]:
    for blocks, _, stride in _STAGES:
        yield stride
        yield from (1,) * (blocks - 1)


class _Graph:
    """ONNX's description of the network, in the order in which it runs."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self._tensors = tensors
        self._nodes: list[onnx.NodeProto] = []
        self._numbers: list[onnx.TensorProto] = []
        self._least, self._most = self._number(np.float32(0)), self._number(np.float32(6))

    def model(self) -> onnx.ModelProto:
        x = self._convolution("picture", "_conv_stem", "_bn0", stride=2)
        for at, stride in enumerate(_strides()):
            x = self._block(x, f"_blocks.{at}.", stride)
        x = self._convolution(x, "_conv_head", "_bn1")
        self._nodes.append(helper.make_node("GlobalAveragePool", [x], ["mean"]))
        shapes = {"picture": [1, 3, SIDE, SIDE], "mean": [1, WIDTH, 1, 1]}
        given, made = (
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()
        )
        graph = helper.make_graph(self._nodes, "efficientnet-lite0", [given], [made], self._numbers)
        operators = [helper.make_opsetid("", _OPERATORS)]
        return helper.make_model(graph, opset_imports=operators, ir_version=_FORMAT)

    def _block(self, x: str, name: str, stride: int) -> str:
        """An inverted bottleneck: wider, each channel by itself, narrower; added to its input where shapes agree."""
        expands = f"{name}_expand_conv.weight" in self._tensors
        wide = self._convolution(x, f"{name}_expand_conv", f"{name}_bn0") if expands else x
        deep = self._convolution(wide, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride)
        out = self._convolution(deep, f"{name}_project_conv", f"{name}_bn2", bounded=False)
        given = self._tensors[f"{name}_{'expand' if expands else 'depthwise'}_conv.weight"].shape[1 if expands else 0]
        made = self._tensors[f"{name}_project_conv.weight"].shape[0]
        return self._node("Add", [x, out]) if (stride, given) == (1, made) else out

    def _convolution(self, x: str, name: str, norm: str, *, stride: int = 1, bounded: bool = True) -> str:
        """A convolution with its batch norm folded in: the weights scaled, the shift as its bias. Zeros around as
        TensorFlow's "same" puts them: the odd one at the end. ``bounded``: to 0 ... 6.
        """
        scale = self._tensors[f"{norm}.weight"] / np.sqrt(self._tensors[f"{norm}.running_var"] + _EPSILON)
        weight = self._tensors[f"{name}.weight"] * scale[:, None, None, None]
        bias = self._tensors[f"{norm}.bias"] - self._tensors[f"{norm}.running_mean"] * scale
        each_alone = name.endswith("_depthwise_conv")
        out = self._node(
            "Conv",
            [x, self._number(weight), self._number(bias)],
            strides=[stride, stride],
            group=len(weight) if each_alone else 1,
            auto_pad="SAME_UPPER",
        )
        return self._node("Clip", [out, self._least, self._most]) if bounded else out

    def _node(self, kind: str, inputs: list[str], **settings: int | str | list[int]) -> str:
        name = f"x{len(self._nodes)}"
        node = helper.make_node(kind, inputs, [name])
        node.attribute.extend(helper.make_attribute(key, value) for key, value in settings.items())
        self._nodes.append(node)
        return name

    def _number(self, value: np.float32 | Array) -> str:
        name = f"w{len(self._numbers)}"
        self._numbers.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name
