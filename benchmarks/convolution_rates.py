# SPDX-License-Identifier: Apache-2.0
"""How fast oneDNN convolves on this machine: GFLOP/s of the convolutions that take longest in a training step of
configs/default.yaml, each by itself on one thread, forward, for the input's gradient and for the weight's, beside a matrix
product. What `spinfill bench train --profile` says of convolutions is to be held against these.

Usage: taskset -c 0 python benchmarks/convolution_rates.py [--channels-last]
"""
import argparse
import time

import torch

VIEWS = 12  # of a micro-batch's pass
SHAPES = [  # input channels, height, width, output channels
    (123, 32, 48, 32), (32, 32, 48, 32), (80, 32, 48, 32), (48, 16, 24, 48), (64, 8, 12, 64)]


def seconds(run, repeats=30, turns=3):
    for _ in range(5):
        run()
    best = float("inf")
    for _ in range(turns):
        start = time.perf_counter()
        for _ in range(repeats):
            run()
        best = min(best, (time.perf_counter() - start) / repeats)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels-last", action="store_true", help="pictures' channels side by side in memory")
    layout = torch.channels_last if parser.parse_args().channels_last else torch.contiguous_format
    torch.set_num_threads(1)
    square = torch.randn(1024, 1024)
    print(f"matrix product 1024³: {2 * 1024**3 / seconds(lambda: square @ square, 5) / 1e9:.0f}")
    print("in × height × width → out: forward, input's gradient, weight's gradient")
    for inputs, height, width, outputs in SHAPES:
        x = torch.randn(VIEWS, inputs, height, width).to(memory_format=layout)
        weight = torch.randn(outputs, inputs, 3, 3).to(memory_format=layout)
        slope = torch.randn(VIEWS, outputs, height, width).to(memory_format=layout)
        bias = torch.randn(outputs)
        flops = 2 * slope.numel() * weight[0].numel()

        def backward(*wanted):
            return lambda: torch.ops.aten.convolution_backward(
                slope, x, weight, [outputs], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, wanted)
        runs = [lambda: torch.conv2d(x, weight, bias, padding=1), backward(True, False, False),
                backward(False, True, True)]
        print(f"{inputs} × {height} × {width} → {outputs}: "
              + ", ".join(f"{flops / seconds(run) / 1e9:.0f}" for run in runs))


if __name__ == "__main__":
    main()
