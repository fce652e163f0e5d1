"""The training loop: checkpoints, resume, EMA weights, a fixed seed, a JSON line every 20 steps.

The schedule runs on training time, not on steps, so that "forty minutes of this machine" is something one can ask for;
a resumed run goes on where the clock stood.
"""

from __future__ import annotations

import json
import math
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.distributed
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from segmentation import atomic_file
from segmentation.bundle import Outputs
from segmentation.errors import SegmentationError
from segmentation.families import PromptableModel, Recipe, recipe_of, trainable
from segmentation.prompts import candidate_order
from segmentation.training import run_log
from segmentation.training.data.augment import View, make_view
from segmentation.training.data.samples import DEFAULT_SOURCE_WEIGHT, SOURCE_WEIGHTS, Sample
from segmentation.training.losses import prompt_loss
from segmentation.training.prompt_simulation import PromptBatch, next_click, noisy_box, random_point
from segmentation.training.validation import to_input, validate

TRIES_PER_VIEW = 200
Tensors = tuple[Tensor, ...] | list[Tensor]


class NoView(SegmentationError, ValueError):
    """No crop of the training pictures holds a mask that can be seen at this input side."""


class RunUnusable(SegmentationError, ValueError):
    """The run's folder holds a checkpoint that cannot be gone on with."""


class ProcessLost(SegmentationError, RuntimeError):
    """Another process of the run has ended."""


@dataclass(frozen=True)
class Settings:
    """One run. `stages`: (share of the time at which it begins, input side in pixels, images a step).

    Without a `family` it trains the first that can be trained here, without a `variant` the family's default.
    """

    minutes: float
    stages: tuple[tuple[float, int, int], ...] = ((0.0, 256, 8), (0.5, 384, 5), (0.85, 512, 3))
    objects: int = 4
    rounds: int = 3
    published_lr: float = 3e-4
    new_lr: float = 1.2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 150
    long_share: float = 0.25
    ema: float = 0.998
    paste: float = 0.2
    seed: int = 1
    first_checkpoint_s: float = 30.0
    checkpoint_s: float = 240.0
    validate_s: float = 900.0
    validation_images: int = 60
    threads: int = 2
    family: str = ""
    variant: str = ""
    device: str = "cpu"
    processes: int = 1
    # Of convolutions and products: float32, bfloat16, or auto: bfloat16 on a GPU only.
    precision: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", self.family or trainable()[0])
        object.__setattr__(self, "variant", self.variant or self.recipe.default_variant)

    @property
    def recipe(self) -> Recipe:
        return recipe_of(self.family)


class Trainer:
    """Owns the model, its moving average and the clock; `run` trains until the time is up."""

    def __init__(
        self, settings: Settings, folder: Path, train: list[Sample], val: list[Sample], rank: int = 0
    ) -> None:
        self.settings, self.folder, self.rank = settings, Path(folder), rank
        self.train_samples = train
        self.val_samples = val[:: max(1, len(val) // max(1, settings.validation_images))] if val else []
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(settings.seed)
        torch.set_num_threads(settings.threads)
        self.device = torch.device(settings.device)
        self.recipe = settings.recipe
        network = self.recipe.new_network(settings.variant)
        self.model = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack it
        self._averaged = averaged(self.model, settings.ema)
        published = list(self.recipe.published_part(self.model))
        rest = [p for p in self.model.parameters() if all(p is not other for other in published)]
        self.optimizer = torch.optim.AdamW(
            [{"params": published, "peak": settings.published_lr}, {"params": rest, "peak": settings.new_lr}],
            lr=0.0,
            weight_decay=settings.weight_decay,
        )
        self.step = 0
        self.images = 0
        self.elapsed_s = 0.0
        self.agreed_s = 0.0  # elapsed_s as of the last step, the same in all processes: what they decide by

    @property
    def average(self) -> dict[str, Tensor]:
        """The moving average of the weights, by name."""
        return self._averaged.module.state_dict()

    # --- the run ---

    def run(self) -> None:
        total_s = self.settings.minutes * 60
        validated = self.elapsed_s
        saved = self.elapsed_s - self.settings.checkpoint_s + self.settings.first_checkpoint_s
        while self.agreed_s < total_s:
            stage = self._stage()
            for views in self._batches(stage):
                start = time.monotonic()
                figures = self.train_step(views)
                self.elapsed_s += time.monotonic() - start
                if self.step % 20 == 0:
                    self._log({"step": self.step, "images": self.images, "side": stage[1], **figures})
                if self.elapsed_s - saved > self.settings.checkpoint_s:
                    self.save()
                    saved = self.elapsed_s
                if self.elapsed_s - validated > self.settings.validate_s:
                    self.validate_average()
                    validated = self.elapsed_s
                if self.agreed_s >= total_s or self._stage() != stage:
                    break
        self.save()
        self.validate_average()

    def train_step(self, views: list[View]) -> dict[str, float]:
        """One optimiser step over some views; what happened, for the log."""
        settings = self.settings
        self.model.train()
        rate = self._set_rate()
        rng = np.random.default_rng((settings.seed, self.step, self.rank))
        pixels = np.stack([view.pixels for view in views])
        x = to_input(pixels, [view.valid_hw for view in views], self.recipe).to(self.device)
        with self._half():
            embedding = self.model.encode_image(x)
        owner = torch.tensor([i for i, view in enumerate(views) for _ in view.targets], device=self.device)
        embedding = {name: maps.index_select(0, owner) for name, maps in embedding.items()}
        targets = np.concatenate([view.targets for view in views])
        wanted = torch.from_numpy(targets).float().to(self.device)

        prompt, ambiguous = first_prompts(targets, rng, self.recipe.cell)
        previous = torch.zeros_like(wanted)[:, None]
        has_previous = torch.zeros(len(targets), device=self.device)
        loss_sum = torch.zeros((), device=self.device)
        figures: dict[str, float] = {}
        # Sometimes further rounds before the last ones, without gradients: what a fifth or sixth click looks like.
        shared_rng = np.random.default_rng((settings.seed, self.step, 11))
        extra = int(shared_rng.integers(2, 5)) if shared_rng.random() < settings.long_share else 0
        rounds = settings.rounds + extra
        learned = 0
        for round_index in range(rounds):
            learns = round_index == 0 or round_index > extra
            coords, labels = prompt.arrays()
            with torch.set_grad_enabled(learns), self._half():
                logits, iou = self.model.decode(
                    embedding,
                    torch.from_numpy(coords).to(self.device),
                    torch.from_numpy(labels).to(self.device),
                    previous,
                    has_previous,
                )
            is_ambiguous = torch.from_numpy(ambiguous).to(self.device) & (round_index == 0)
            if learns:
                learned += 1
                loss, seen = prompt_loss(
                    logits.float(), iou.float(), wanted, is_ambiguous, self.recipe.outputs
                )
                loss_sum = loss_sum + loss
                figures[f"single_{learned}"] = float(seen["single_iou"].mean())
                figures[f"best_{learned}"] = float(seen["best_iou"].mean())
            if round_index + 1 < rounds:
                chosen = choose(logits.detach(), iou.detach(), is_ambiguous, self.recipe.outputs)
                previous = chosen[:, None]
                has_previous = torch.from_numpy((rng.random(len(targets)) > 0.1).astype(np.float32)).to(
                    self.device
                )
                add_corrections(prompt, targets, (chosen > 0).cpu().numpy(), rng)
        loss = loss_sum / settings.rounds
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._share_gradients()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if torch.isfinite(norm):
            self.optimizer.step()
        self._averaged.update_parameters(self.model)
        self.step += 1
        self.images += len(views) * settings.processes
        return {"loss": float(loss.detach()), "grad_norm": float(norm.detach()), "lr": rate, **figures}

    # --- state ---

    def start_from_bundle(self, folder: Path | str) -> None:
        """Takes all weights of a bundle of the same family, and the same or a smaller variant, for fine-tuning."""
        from segmentation.bundle import find_bundle
        from segmentation.families import load_model

        self.recipe.take_weights(self.model, load_model(find_bundle(folder)).state_dict())
        self._averaged = averaged(self.model, self.settings.ema)

    def start_from(self, path: Path | str) -> None:
        """Takes a part of the first weights from a file, in the form that the family's recipe reads."""
        self.recipe.load_published(self.model, Path(path))
        self._averaged = averaged(self.model, self.settings.ema)

    def save(self) -> None:
        """Writes `checkpoint.pt` whole or not at all; the first process of several does it for all."""
        if self.rank > 0:
            return
        state = {
            "model": self.model.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "images": self.images,
            "elapsed_s": self.elapsed_s,
            "agreed_s": self.agreed_s,
            "settings": asdict(self.settings),
        }
        with atomic_file.replacing(self.folder / "checkpoint.pt") as path:
            torch.save(state, path)

    def resume(self) -> bool:
        """Goes on from `checkpoint.pt` when there is one; the log then ends where the checkpoint stands.

        Raises:
            RunUnusable: it is damaged, or of another network.
        """
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            self._cut_log()
            return False
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            settings = state["settings"]
            # The first runs' checkpoints name no family.
            family, variant = settings.get("family", self.settings.family), settings["variant"]
        except Exception as error:  # torch, pickle and zip each have their own
            raise RunUnusable(f"{path} cannot be read; delete it to begin anew ({error})") from error
        if (family, variant) != (self.settings.family, self.settings.variant):
            raise RunUnusable(
                f"{path} is of the network {family} {variant}, asked for is {self.settings.family} "
                f"{self.settings.variant}: give --variant {variant} and --family {family}, or another --run folder"
            )
        try:
            self.model.load_state_dict(state["model"])
            self._averaged.module.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise RunUnusable(
                f"{path} is of another version of the network {family} {variant}; give another --run folder ({error})"
            ) from error
        self.step, self.images, self.elapsed_s = state["step"], state["images"], state["elapsed_s"]
        self._averaged.n_averaged.fill_(1 + self.step)
        self.agreed_s = state.get("agreed_s", self.elapsed_s)
        self._cut_log()
        return True

    def validate_average(self) -> dict[str, float]:
        """Validates the EMA weights at the last stage's side and logs it."""
        if not self.val_samples or self.rank > 0:
            return {}
        side = self.settings.stages[-1][1]
        figures = validate(cast(PromptableModel, self._averaged.module), self.recipe, self.val_samples, side)
        self._log({"step": self.step, "images": self.images, "validation": figures})
        return figures

    # --- parts ---

    def _half(self) -> torch.autocast:
        """bfloat16 pays on a GPU and on CPUs with instructions for them; elsewhere they are slower."""
        precision = self.settings.precision
        is_half = precision == "bfloat16" or (precision == "auto" and self.device.type == "cuda")
        return torch.autocast(self.device.type, torch.bfloat16, enabled=is_half)

    def _share_gradients(self) -> None:
        """With several processes: the mean of their gradients in each, and one clock.

        By that clock they change rates and stages and end at the same step: by its own, one would end alone and the
        others wait for it.

        One thread a process and one meeting a step wastes far less than threads that meet in every layer, above all on
        cores that other programs use too.
        """
        if self.settings.processes == 1:
            self.agreed_s = self.elapsed_s
            return
        parameters = list(self.model.parameters())
        flat = torch.cat(
            [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters]
            + [torch.tensor([self.elapsed_s], dtype=torch.float32)]
        )
        try:
            torch.distributed.all_reduce(flat)
        except RuntimeError as error:
            raise ProcessLost("another process of this run has ended") from error
        flat /= self.settings.processes
        position = 0
        for parameter in parameters:
            parameter.grad = flat[position : position + parameter.numel()].view(parameter.shape)
            position += parameter.numel()
        self.agreed_s = self.elapsed_s = float(flat[-1])

    def _share(self) -> float:
        return min(1.0, self.agreed_s / (self.settings.minutes * 60))

    def _stage(self) -> tuple[float, int, int]:
        return [stage for stage in self.settings.stages if stage[0] <= self._share()][-1]

    def _set_rate(self) -> float:
        warm = min(1.0, (self.step + 1) / self.settings.warmup_steps)
        factor = warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self._share())))
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        return self.settings.new_lr * factor

    def _batches(self, stage: tuple[float, int, int]) -> Iterator[list[View]]:
        """Views of the next steps, made one step ahead by a thread; each step's are decided by seed and step alone."""
        _, side, count = stage
        ready: queue.Queue[list[View] | Exception] = queue.Queue(maxsize=3)
        stopped = threading.Event()
        first = self.step

        def fill() -> None:
            made: list[View] | Exception
            step = first
            while not stopped.is_set():
                try:
                    made = draw_views(self.train_samples, side, count, self.settings, step, self.rank)
                except Exception as error:  # the training thread waits for it
                    made = error
                while not stopped.is_set():
                    try:
                        ready.put(made, timeout=0.5)
                        break
                    except queue.Full:
                        continue
                step += 1

        thread = threading.Thread(target=fill, daemon=True)
        thread.start()
        try:
            while True:
                views = ready.get()
                if isinstance(views, Exception):
                    raise views
                yield views
        finally:
            stopped.set()
            thread.join()

    def _cut_log(self) -> None:
        """Leaves out what was logged after the checkpoint that the run goes on from."""
        if self.rank == 0:
            run_log.cut(self.folder, self.elapsed_s)

    def _log(self, row: dict) -> None:
        if self.rank > 0:
            return
        row = {"elapsed_s": round(self.elapsed_s, 1), **row}
        run_log.add_row(self.folder, row)
        print(json.dumps(row), flush=True)


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """A moving average of a network's weights that begins as they are; it forgets faster at first."""

    def update(averages: Tensors, weights: Tensors, count: Tensor | int) -> None:
        keep = min(decay, int(count) / (9 + int(count)))
        get_ema_multi_avg_fn(keep)(averages, weights, count)

    average = AveragedModel(model, multi_avg_fn=update, use_buffers=True)
    average.n_averaged.fill_(1)  # 0 would have the first update copy the weights
    return average


def draw_views(
    samples: list[Sample], side: int, count: int, settings: Settings, step: int, rank: int = 0
) -> list[View]:
    """The views of one step: the same for the same samples, settings, step and rank among the processes.

    Raises:
        NoView: after many tries.
    """
    rng = np.random.default_rng((settings.seed, step, 7, rank))
    by_source: dict[str, list[Sample]] = {}
    for sample in samples:
        by_source.setdefault(sample.source, []).append(sample)
    names = sorted(by_source)
    weights = np.array([SOURCE_WEIGHTS.get(name, DEFAULT_SOURCE_WEIGHT) for name in names])
    weights /= weights.sum()

    def draw() -> Sample:
        pool = by_source[names[int(rng.choice(len(names), p=weights))]]
        return pool[int(rng.integers(len(pool)))]

    views: list[View] = []
    for _ in range(TRIES_PER_VIEW * count):
        donor = draw() if rng.random() < settings.paste else None
        view = make_view(draw(), side, settings.objects, rng, settings.recipe.cell, donor)
        if view is not None:
            views.append(view)
        if len(views) == count:
            return views
    raise NoView(
        f"the masks are too small to be seen at an input side of {side} pixels (--stages), or fill whole pictures"
    )


def first_prompts(targets: np.ndarray, rng: np.random.Generator, cell: int) -> tuple[PromptBatch, np.ndarray]:
    """A first prompt for each target (B, h, w): mostly one point, else a noisy box, several points, or box and point.

    Returns the prompts and (B,) bool: a single point, the ambiguous case.
    """
    prompt = PromptBatch(len(targets), cell)
    ambiguous = np.zeros(len(targets), bool)
    for index, target in enumerate(targets):
        kind = rng.choice(["point", "box", "box and point", "points"], p=[0.54, 0.32, 0.05, 0.09])
        ambiguous[index] = kind == "point"
        if kind != "box":
            prompt.add_point(index, *random_point(target, rng), 1)
        if kind in ("box", "box and point"):
            prompt.add_box(index, noisy_box(target, rng))
        if kind == "points":
            for _ in range(int(rng.integers(1, 6))):
                inside = rng.random() < 0.5 or target.all()
                prompt.add_point(index, *random_point(target if inside else ~target, rng), int(inside))
    return prompt, ambiguous


def choose(logits: Tensor, iou: Tensor, is_ambiguous: Tensor, outputs: Outputs) -> Tensor:
    """(B, h, w), what the next round gets: the output that a person would see first."""
    rated = zip(iou.float().tolist(), is_ambiguous.tolist(), strict=True)
    pick = [candidate_order(row, outputs, point_count=1 if alone else 2)[0] for row, alone in rated]
    return logits[torch.arange(len(logits)), pick]


def add_corrections(
    prompt: PromptBatch, targets: np.ndarray, masks: np.ndarray, rng: np.random.Generator
) -> None:
    """One more click for each target, in what its mask has wrong; a perfect one gets a point inside."""
    for index, (target, mask) in enumerate(zip(targets, masks, strict=True)):
        click = next_click(target, mask, rng)
        (row, column), label = click if click is not None else (random_point(target, rng), 1)
        prompt.add_point(index, row, column, label)
