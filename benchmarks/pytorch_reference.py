#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times spinfill beside the same network in Python PyTorch, built from diffusers' blocks, in turn in one run.

Usage: python benchmarks/pytorch_reference.py [--config F] [--set a.b=c]… [--steps 10] [--repeats 5] [--compile]
           [--program build/release/spinfill]

Training: a step of the one-step regression: references' pass up to the last cross-view keys and values, targets' pass,
weighted squared error, backward, gradient clipping, fused AdamW. Sampling: one missing view from seven references in 20
steps of DPM-Solver++(2M), references computed once.

PyTorch is given random tensors that lie ready. spinfill is timed twice in each turn: with its batches made before the
clock starts (`ready`), and as it trains, waiting for data (waiting_share says how much) with a loader thread that decodes
and computes priors on the same cores. Both include assembling the network's input from pictures, cameras and priors,
which favours PyTorch. The number of target views is that of spinfill's run. PyTorch runs eagerly or, with --compile,
through torch.compile, every shape compiled before the clock starts; on the device and in the precision of spinfill's run. On the
processor spinfill takes a step's micro-batches side by side, one thread each; PyTorch takes all sets at once, with as
many threads: each its fastest way.

Prints JSON on the standard output and one line on the standard error; ratios are spinfill's time over PyTorch's, below
1 where spinfill is faster. Exit 1 when the two networks differ in parameters or threads, or a command fails.

Only on an otherwise idle machine: on a busy one either side can take tenfold, as its threads wait for each other.
"""
import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time

import diffusers
import torch
import torch.nn.functional as F
import yaml
from diffusers import UNet2DConditionModel
from diffusers.models.embeddings import TimestepEmbedding
from safetensors.torch import load_file
from torch import nn

PRIOR_CHANNELS = 23  # the maps, and normals in the camera's frame
BLENDED = 2  # background and hull warp
CUE_SIZE = 6
VIEWS = 8
NOISE_SCALE = 100  # ¼ ln σ is multiplied by this before its sinusoids
WARM_UP_STEPS = 2  # as many as `spinfill bench train` makes
SAMPLING_STEPS = 20
SAMPLING_REPEATS = 3  # generations in each turn


class Layout:
    """A ragged batch as groups of equal (R, T), flattened without padding; `targets` is T of every sample."""

    def __init__(self, targets, device):
        self.groups = []  # samples, R, T, first reference row, first target row
        counts = sorted((VIEWS - t, t) for t in targets)
        self.references = self.targets = 0
        for r, t in sorted(set(counts)):
            samples = counts.count((r, t))
            self.groups.append((samples, r, t, self.references, self.targets))
            self.references += samples * r
            self.targets += samples * t
        index = torch.arange(len(counts))
        self.samples = len(counts)
        self.reference_samples = index.repeat_interleave(torch.tensor([r for r, _ in counts])).to(device)
        self.target_samples = index.repeat_interleave(torch.tensor([t for _, t in counts])).to(device)


class ReferencesDone(Exception):
    """The last keys and values of the references are recorded; nothing behind them is needed."""


class CrossView:
    """Attention processor of every attn1: references attend to references, targets to references and targets."""

    def __init__(self):
        self.layers = 0  # how many attn1 there are
        self.layout = None
        self.cache = None  # (key, value) of the references by layer
        self.recording = False
        self.layer = 0

    def begin(self, layout, cache=None):
        self.layout, self.layer = layout, 0
        self.recording = cache is None
        self.cache = [] if cache is None else cache

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None):
        key, value = attn.to_k(hidden_states), attn.to_v(hidden_states)
        layer, self.layer = self.layer, self.layer + 1
        if self.recording:
            self.cache.append((key, value))
            if layer + 1 == self.layers:
                raise ReferencesDone
        query = attn.to_q(hidden_states)
        tokens, width = query.shape[1:]
        parts = []
        for samples, r, t, first_reference, first_target in self.layout.groups:
            if self.recording:
                first, views = first_reference, r
            else:
                first, views = first_target, t

            def rows(x, first=first, samples=samples, views=views):
                return x[first : first + samples * views].view(samples, views * tokens, width)

            q, k, v = rows(query), rows(key), rows(value)
            if not self.recording:
                past_key, past_value = self.cache[layer]
                k = torch.cat([rows(past_key, first_reference, samples, r), k], 1)
                v = torch.cat([rows(past_value, first_reference, samples, r), v], 1)
            q, k, v = (x.view(samples, x.shape[1], attn.heads, -1).transpose(1, 2) for x in (q, k, v))
            out = F.scaled_dot_product_attention(q, k, v)
            parts.append(out.transpose(1, 2).reshape(samples * views, tokens, width))
        return attn.to_out[1](attn.to_out[0](torch.cat(parts) if len(parts) > 1 else parts[0]))


class Conditioner(nn.Module):
    def __init__(self, model, latent_channels, embedding):
        super().__init__()
        width = model["cross_attention_dim"]
        self.clean_embedding = nn.Parameter(0.02 * torch.randn(embedding))
        self.null_reference = nn.Parameter(0.02 * torch.randn(latent_channels))
        self.cue_embedding = TimestepEmbedding(CUE_SIZE, embedding) if model["use_cue"] else None
        if model["use_category"]:
            self.category_embedding = nn.Parameter(torch.randn(model["categories"] + 1, width))
        if model["identity_dim"] > 0:
            self.identity_projection = nn.Linear(model["identity_dim"], width)
            self.null_identity = nn.Parameter(0.02 * torch.randn(width))
        self.null_token = nn.Parameter(0.02 * torch.randn(width))

    def cue(self, cue):
        return self.cue_embedding(cue) if self.cue_embedding else 0

    def tokens(self, batch):
        tokens = []
        if hasattr(self, "category_embedding"):
            tokens.append(self.category_embedding[batch["category"]])
        if hasattr(self, "identity_projection"):
            known = self.identity_projection(batch["identity"])
            tokens.append(torch.where(batch["dropped"][:, None], self.null_identity, known))
        tokens.append(self.null_token.expand(batch["layout"].samples, -1))
        return torch.stack(tokens, 1)


class Denoiser(nn.Module):
    """The denoiser of docs/model.md: parameters, names and shapes are those of spinfill's."""

    def __init__(self, model, huber):
        super().__init__()
        self.huber = huber
        self.residual = model["output"] == "prior-residual"
        self.sigma_data, self.sigma_max = float(model["sigma_data"]), float(model["sigma_max"])
        self.scale = float(model["residual_scale"])
        squared = model["pixel_factor"] ** 2
        self.latent_channels = 3 * squared
        self.blended = BLENDED if self.residual and model["blend"] else 0
        self.map_channels = (
            1
            + (6 if model["use_rays"] else 0)
            + (PRIOR_CHANNELS * squared if model["use_priors"] else 0)
            + (self.latent_channels if self.residual else 0)
        )
        channels, attention = model["block_out_channels"], model["attention_levels"]
        self.unet = UNet2DConditionModel(
            in_channels=self.latent_channels + self.map_channels,
            out_channels=self.latent_channels + self.blended * squared,
            block_out_channels=channels,
            layers_per_block=model["layers_per_block"],
            down_block_types=["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attention],
            up_block_types=["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attention)],
            transformer_layers_per_block=model["transformer_layers_per_block"],
            attention_head_dim=model["attention_heads"],  # diffusers' name for the number of heads
            cross_attention_dim=model["cross_attention_dim"],
            norm_num_groups=model["norm_num_groups"],
        )
        nn.init.zeros_(self.unet.conv_out.weight)
        nn.init.zeros_(self.unet.conv_out.bias)
        self.conditioner = Conditioner(model, self.latent_channels, 4 * channels[0])
        self.views = CrossView()
        for name, module in self.unet.named_modules():
            if name.endswith(".attn1"):
                module.set_processor(self.views)
                self.views.layers += 1

    def network(self, x, embedding, tokens):
        unet = self.unet
        x = unet.conv_in(x)
        skips = (x,)
        for block in unet.down_blocks:
            x, new = block(hidden_states=x, temb=embedding, encoder_hidden_states=tokens)
            skips += new
        x = unet.mid_block(x, embedding, encoder_hidden_states=tokens)
        for block in unet.up_blocks:
            count = len(block.resnets)
            new, skips = skips[-count:], skips[:-count]
            size = skips[-1].shape[2:] if skips else None
            if getattr(block, "has_cross_attention", False):
                x = block(x, new, embedding, encoder_hidden_states=tokens, upsample_size=size)
            else:
                x = block(x, new, embedding, upsample_size=size)
        return unet.conv_out(unet.conv_act(unet.conv_norm_out(x)))

    def encode_references(self, batch, tokens):
        layout, learned = batch["layout"], self.conditioner
        seen = batch["reference_latents"]
        dropped = batch["dropped"][layout.reference_samples].view(-1, 1, 1, 1)
        latents = torch.where(dropped, learned.null_reference.view(1, -1, 1, 1), seen)
        self.views.begin(layout)
        try:
            self.network(
                torch.cat([latents, batch["reference_maps"]], 1),
                learned.cue(batch["reference_cue"]) + learned.clean_embedding.expand(layout.references, -1),
                tokens[layout.reference_samples],
            )
        except ReferencesDone:
            pass
        return self.views.cache

    def denoise(self, x, sigma, batch, tokens, cache):
        """D of the noisy latents x [ΣT,C,h,w] at the noise levels sigma [ΣT]."""
        layout, s = batch["layout"], sigma.view(-1, 1, 1, 1)
        if self.residual:
            c_in = torch.rsqrt(s**2 + self.scale**2).masked_fill(s >= self.sigma_max * (1 - 1e-6), 0)
            scaled = (x - batch["base"]) * c_in
        else:
            scaled = x * torch.rsqrt(s**2 + self.sigma_data**2)
        noise = self.unet.time_embedding(self.unet.time_proj(torch.log(sigma) * (NOISE_SCALE / 4)))
        self.views.begin(layout, cache)
        f = self.network(
            torch.cat([scaled, batch["target_maps"]], 1),
            noise + self.conditioner.cue(batch["target_cue"]),
            tokens[layout.target_samples],
        )
        if self.residual:
            change = self.scale * f[:, : self.latent_channels]
            if self.blended:
                count, _, height, width = f.shape
                weights = f[:, self.latent_channels :].reshape(count, self.blended, 1, -1, height, width)
                pictures = batch["blend"].unflatten(2, (3, -1))
                change = change + (weights * pictures).sum(1).flatten(1, 2)
            return batch["base"] + batch["gate"] * change
        total = s**2 + self.sigma_data**2
        return self.sigma_data**2 / total * x + s * self.sigma_data * torch.rsqrt(total) * f

    def loss(self, batch):
        """Weighted squared error at σ_max, summed over the target values, and their number."""
        clean = batch["clean"]
        sigma = torch.full((len(clean),), self.sigma_max, device=clean.device)
        x = clean + self.sigma_max * torch.randn_like(clean)
        tokens = self.conditioner.tokens(batch)
        d = self.denoise(x, sigma, batch, tokens, self.encode_references(batch, tokens))
        if self.residual:
            level = 1 / self.scale**2 * (1 + (self.scale / self.sigma_max) ** 2)
        else:
            level = 1 / self.sigma_max**2 + 1 / self.sigma_data**2
        error = (d - clean) ** 2
        if self.huber > 0:
            error = 2 * self.huber**2 * (torch.sqrt(error / self.huber**2 + 1) - 1)
        return (error * (level * batch["pixel_weight"])).sum(), d.numel()


class Inputs:
    """Random inputs for any layout of at most `sets` sets: rows of tensors made once."""

    def __init__(self, config, denoiser, sets, device):
        self.device = device
        model, data = config["model"], config["data"]
        h, w = data["height"] // model["pixel_factor"], data["width"] // model["pixel_factor"]
        rows, latents = sets * VIEWS, denoiser.latent_channels

        def random(*shape):
            return torch.randn(*shape, device=device)

        coverage = torch.rand(rows, 1, h, w, device=device).expand(rows, latents, h, w)
        self.reference_rows = {
            "reference_latents": random(rows, latents, h, w),
            "reference_maps": random(rows, denoiser.map_channels, h, w),
            "reference_cue": random(rows, CUE_SIZE),
        }
        self.target_rows = {
            "target_maps": random(rows, denoiser.map_channels, h, w),
            "target_cue": random(rows, CUE_SIZE),
            "clean": random(rows, latents, h, w),
            "base": random(rows, latents, h, w),
            "blend": random(rows, denoiser.blended, latents, h, w),
            "gate": coverage.contiguous(),
            "pixel_weight": 1 + (float(config["loss"]["foreground_weight"]) - 1) * coverage,
        }
        self.set_rows = {
            "category": torch.randint(model["categories"] + 1, (sets,), device=device),
            "identity": random(sets, model["identity_dim"]),
            "dropped": torch.zeros(sets, dtype=torch.bool, device=device),
        }

    def batch(self, targets):
        layout = Layout(targets, self.device)
        batch = {"layout": layout}
        for values, count in (
            (self.reference_rows, layout.references),
            (self.target_rows, layout.targets),
            (self.set_rows, layout.samples),
        ):
            batch.update({name: value[:count] for name, value in values.items()})
        return batch


class Trainer:
    def __init__(self, denoiser, config, device, compiled):
        self.denoiser = denoiser.train()
        bf16 = config["train"]["precision"] == "bf16"
        self.autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16)
        self.loss = torch.compile(denoiser.loss, dynamic=False) if compiled else denoiser.loss
        options = config["optimizer"]
        self.parameters = list(denoiser.parameters())
        self.limit = float(options["max_gradient_norm"])
        decaying = [p for p in self.parameters if p.dim() >= 2]
        others = [p for p in self.parameters if p.dim() < 2]
        self.optimizer = torch.optim.AdamW(
            [{"params": decaying}, {"params": others, "weight_decay": 0.0}],
            lr=float(options["learning_rate"]),
            betas=(float(options["beta1"]), float(options["beta2"])),
            eps=float(options["epsilon"]),
            weight_decay=float(options["weight_decay"]),
            fused=True,
        )

    def step(self, batches):
        self.optimizer.zero_grad(set_to_none=True)
        loss, values = 0.0, 0
        for batch in batches:
            with self.autocast:
                part, count = self.loss(batch)
            part.backward()
            loss, values = loss + part.detach(), values + count
        torch._foreach_mul_([p.grad for p in self.parameters], 1 / values)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.limit, foreach=True)
        if not math.isfinite(norm.item()) or not math.isfinite(loss.item()):
            fail("the PyTorch network's loss or gradient is not finite")
        self.optimizer.step()


def karras_sigmas(steps, sigma_min, sigma_max, rho):
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return [(high + i / (steps - 1) * (low - high)) ** rho for i in range(steps)] + [0.0]


@torch.inference_mode()
def sample(denoiser, batch, sigmas, pixel_factor):
    """DPM-Solver++(2M), Lu et al. 2022, algorithm 2; pictures [ΣT,3,H,W]."""
    tokens = denoiser.conditioner.tokens(batch)
    cache = denoiser.encode_references(batch, tokens)
    x, previous = sigmas[0] * torch.randn_like(batch["base"]), None
    for i, (sigma, following) in enumerate(zip(sigmas, sigmas[1:])):
        levels = torch.full((len(x),), sigma, device=x.device)
        d = denoiser.denoise(x, levels, batch, tokens, cache)
        if following == 0:
            x = d
            break
        h = math.log(sigma / following)
        slope = d
        if previous is not None:
            r = math.log(sigmas[i - 1] / sigma) / h
            slope = d * (1 + 1 / (2 * r)) - previous / (2 * r)
        x = x * (following / sigma) - slope * math.expm1(-h)
        previous = d
    return ((F.pixel_shuffle(x, pixel_factor) + 1) / 2).clamp(0, 1)


def fail(message):
    sys.exit(f"pytorch_reference: {message}")


def run_program(program, *arguments):
    """The program's standard output."""
    try:
        done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        fail(f"{program}: {error.strerror}; build it or name it with --program")
    if done.returncode != 0:
        fail(f"`{program} {' '.join(arguments)}` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def target_counts(possible, sets, total):
    """A fixed list of `sets` target counts, changed from its start until it sums to `total` as nearly as it can."""
    counts = [possible[i % len(possible)] for i in range(sets)]
    for i in range(sets):
        missing = total - sum(counts)
        counts[i] = min(possible, key=lambda t: (abs(missing - (t - counts[i])), abs(t - counts[i])))
    return counts


def chunks(items, size):
    return [items[i : i + size] for i in range(0, len(items), size)]


def synchronise(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def time_pytorch_training(trainer, warm_up, steps_of_batches, device):
    """Seconds per step; those of the warm-up do not count."""
    for batches in warm_up:
        trainer.step(batches)
    synchronise(device)
    start = time.perf_counter()
    for batches in steps_of_batches:
        trainer.step(batches)
    synchronise(device)
    return (time.perf_counter() - start) / len(steps_of_batches)


def time_pytorch_sampling(denoiser, batch, sigmas, pixel_factor, device):
    """Median seconds of a view; one before them does not count."""
    seconds = []
    for _ in range(1 + SAMPLING_REPEATS):
        start = time.perf_counter()
        sample(denoiser, batch, sigmas, pixel_factor)
        synchronise(device)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def comparison(name, ours, theirs):
    median = statistics.median
    return {
        f"spinfill_seconds_per_{name}": median(ours),
        f"pytorch_seconds_per_{name}": median(theirs),
        "ratio": median(ours) / median(theirs),
        "ratio_of_each_turn": [a / b for a, b in zip(ours, theirs)],
    }


def check_alike(result, denoiser, threads):
    parameters = sum(p.numel() for p in denoiser.parameters())
    if result["parameters"] != parameters:
        fail(f"{result['parameters']} parameters in spinfill, {parameters} in PyTorch: not the same network")
    if result["threads"] != threads:
        fail(f"{result['threads']} threads in spinfill, {threads} in PyTorch")
    return parameters


def load_weights(denoiser, path):
    stored, own = load_file(path), denoiser.state_dict()
    for name in sorted(stored.keys() | own.keys()):
        if name not in stored or name not in own:
            fail(f"{path}: '{name}' is {'missing' if name in own else 'unexpected'}")
        if stored[name].shape != own[name].shape:
            fail(f"{path}: '{name}' is {list(stored[name].shape)}, here {list(own[name].shape)}")
    denoiser.load_state_dict(stored)


def parse_arguments():
    def count(text):
        value = int(text)
        if value < 1:
            raise argparse.ArgumentTypeError("must be at least 1")
        return value

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="configs/default.yaml", help="YAML file of the run to time")
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c", help="override a key of the configuration")
    parser.add_argument("--compile", action="store_true", help="PyTorch through torch.compile")
    parser.add_argument("--steps", type=count, default=10, help="training steps timed in each turn (10)")
    parser.add_argument("--repeats", type=count, default=5, help="turns; medians over them count (5)")
    parser.add_argument("--program", default="build/release/spinfill")
    parser.add_argument("--weights", help="weights.safetensors of a checkpoint to start the PyTorch network from")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    program = arguments.program
    load = os.getloadavg()[0]  # before anything of ours runs
    if load > 0.5:
        print(f"load average {load:.1f}: the machine is busy with something else; do not trust what follows",
              file=sys.stderr)
    overrides = [word for text in arguments.set for word in ("--set", text)]
    config = yaml.safe_load(run_program(program, "train", "--config", arguments.config, *overrides, "--print-config"))
    if config["train"]["threads"] > 0:
        torch.set_num_threads(config["train"]["threads"])
    threads = torch.get_num_threads()
    same = ["--config", arguments.config, "--json", *overrides, "--set", f"train.threads={threads}"]
    regression = ["--set", "loss.mode=regression", "--set", "loss.draws=1"]
    highest, lowest = float(config["model"]["sigma_max"]), float(config["model"]["sigma_min"])
    solver = [  # given noise levels: Karras's schedule on both sides
        word
        for text in ("solver=dpmpp-2m", "mode=joint", "guidance=1", f"sigma_max={highest}", f"sigma_min={lowest}")
        for word in ("--set", f"sampler.{text}")
    ]

    def spinfill_training(*more):
        steps = ["--steps", str(arguments.steps)]
        return json.loads(run_program(program, "bench", "train", *same, *regression, *steps, *more))

    def spinfill_sampling():
        size = ["--steps", str(SAMPLING_STEPS), "--repeats", str(SAMPLING_REPEATS)]
        return json.loads(run_program(program, "bench", "sample", *same, *solver, *size))

    # Training. spinfill comes first in each turn; its first one says how many views PyTorch is to generate.
    ours, ready, theirs, waiting = [], [], [], []
    for turn in range(arguments.repeats):
        ready.append(spinfill_training("--ready")["seconds_per_step"])
        result = spinfill_training()
        ours.append(result["seconds_per_step"])
        waiting.append(result["waiting_share"])
        if turn == 0:
            device = torch.device(result["device"])
            torch.manual_seed(1)
            denoiser = Denoiser(config["model"], float(config["loss"]["huber"])).to(device)
            if config["train"]["channels_last"]:
                denoiser = denoiser.to(memory_format=torch.channels_last)
            parameters = check_alike(result, denoiser, threads)
            if arguments.weights:
                load_weights(denoiser, arguments.weights)
            sets = config["train"]["batch_sets"]
            micro = sets if device.type == "cpu" else config["train"]["micro_batch_sets"]
            data = config["data"]
            possible = sorted({VIEWS - r for r in data["references"]} if data["references"] else set(data["missing"]))
            possible = [t for t in possible if 1 <= t < VIEWS]
            total = round(result["views_per_second"] * result["seconds_per_step"] * arguments.steps)
            counts = target_counts(possible, arguments.steps * sets, total)
            inputs = Inputs(config, denoiser, micro, device)
            steps_of_batches = [[inputs.batch(c) for c in chunks(step, micro)] for step in chunks(counts, sets)]
            warm_up = [steps_of_batches[i % arguments.steps] for i in range(WARM_UP_STEPS)]
            if arguments.compile:
                warm_up = steps_of_batches
                torch._dynamo.config.recompile_limit = len({str(Layout(c, device).groups) for c in chunks(counts, micro)}) + 8
            trainer = Trainer(denoiser, config, device, arguments.compile)
        theirs.append(time_pytorch_training(trainer, warm_up, steps_of_batches, device))
        print(f"training {turn + 1}/{arguments.repeats}: spinfill {ours[-1]:.3f} s a step, with batches that lie ready "
              f"{ready[-1]:.3f} s, PyTorch {theirs[-1]:.3f} s", file=sys.stderr)
    training = comparison("step", ours, theirs)
    training["ready"] = comparison("step", ready, theirs)
    training["waiting_share"] = statistics.median(waiting)
    training["spinfill_targets_per_step"] = total / arguments.steps
    training["pytorch_targets_per_step"] = sum(counts) / arguments.steps

    # Sampling.
    denoiser.eval()
    model = config["model"]
    sigmas = karras_sigmas(SAMPLING_STEPS, lowest, highest, float(config["sampler"]["rho"]))
    batch = inputs.batch([1])
    ours, theirs = [], []
    for turn in range(arguments.repeats):
        result = spinfill_sampling()
        check_alike(result, denoiser, threads)
        ours.append(result["seconds_per_view"])
        theirs.append(time_pytorch_sampling(denoiser, batch, sigmas, model["pixel_factor"], device))
        print(f"sampling {turn + 1}/{arguments.repeats}: spinfill {ours[-1]:.3f} s a view, PyTorch {theirs[-1]:.3f} s",
              file=sys.stderr)
    sampling = {**comparison("view", ours, theirs), "steps": SAMPLING_STEPS}

    report = {
        "training": training,
        "sampling": sampling,
        "parameters": {"spinfill": result["parameters"], "pytorch": parameters},
        "threads": threads,
        "device": str(device),
        "load_average_before": load,
        "config": arguments.config,
        "set": arguments.set,
        "compiled": arguments.compile,
        "steps": arguments.steps,
        "repeats": arguments.repeats,
        "versions": {
            "spinfill": run_program(program, "--version").strip(),
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
            "python": platform.python_version(),
        },
    }
    print(json.dumps(report, indent=1))
    print(
        f"training step: spinfill {training['spinfill_seconds_per_step']:.3f} s "
        f"(waiting {100 * training['waiting_share']:.1f} %), PyTorch {training['pytorch_seconds_per_step']:.3f} s, "
        f"ratio {training['ratio']:.2f}, with batches that lie ready {training['ready']['ratio']:.2f}; sampled view: {sampling['spinfill_seconds_per_view']:.3f} s, "
        f"{sampling['pytorch_seconds_per_view']:.3f} s, ratio {sampling['ratio']:.2f}; "
        f"{parameters / 1e6:.2f} M parameters, {threads} thread(s)",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
