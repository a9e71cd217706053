"""Does the node's driver know the CUDA that this image's torch was built for? Run in the image, before its server.

Ends with 1 and a sentence where it does not. A minor version may differ within a major one (CUDA's own compatibility).
"""

import ctypes
import sys

import torch

built = torch.version.cuda
if built is None:
    print("this image's torch is built for no CUDA: nothing to check")
    sys.exit(0)
try:
    driver = ctypes.CDLL("libcuda.so.1")
except OSError as error:
    sys.exit(f"no NVIDIA driver is in this container ({error}): set gpu.runtimeClassName, or see the device plugin")
known = ctypes.c_int()
driver.cuDriverGetVersion(ctypes.byref(known))
major, minor = known.value // 1000, known.value % 1000 // 10
print(f"the driver knows CUDA {major}.{minor}, the image was built for {built}")
if major < int(built.split(".")[0]):
    sys.exit(f"the driver is too old for CUDA {built}: upgrade it, or take an image for CUDA {major} (image.vllm)")
