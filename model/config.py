"""Every setting of the library, as frozen dataclasses; unknown keys and wrong types are refused by name."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, TypeVar

from model.errors import BadInput

T = TypeVar("T")


class Limit(NamedTuple):
    """What a value must be beside its type."""

    words: str  # after "expected section.key"
    holds: Callable[[Any], bool]


Natural = Annotated[int, Limit("of at least 0", lambda x: x >= 0)]
Count = Annotated[int, Limit("of at least 1", lambda x: x >= 1)]
Counts = Annotated[tuple[Count, ...], Limit("of at least one value", len)]
Side = Annotated[int, Limit("of at least 16", lambda x: x >= 16)]  # pixels; optical flow finds nothing in less
Channels = Annotated[int, Limit("as 1 or 3", lambda x: x in (1, 3))]
Window = Annotated[int, Limit("of at least 2", lambda x: x >= 2)]  # nothing predicts its first frame
EVIDENCE = (
    "prediction_error",
    "extrapolation_error",
    "layer_error",
    "memory_distance",
    "motion_distance",
    "appearance_distance",
    "optical_flow",
    "frame_difference",
)
Names = Annotated[
    tuple[str, ...],
    Limit(f"as one or more of {', '.join(EVIDENCE)}", lambda x: len(x) > 0 and set(x) <= set(EVIDENCE)),
]
Seed = Annotated[int, Limit("of at least 0 and below 2^32", lambda x: 0 <= x < 1 << 32)]
NotNegative = Annotated[float, Limit("of at least 0", lambda x: x >= 0)]
Positive = Annotated[float, Limit("over 0", lambda x: x > 0)]
AtLeastOne = Annotated[float, Limit("of at least 1", lambda x: x >= 1)]
Share = Annotated[float, Limit("of at least 0 and below 1", lambda x: 0 <= x < 1)]
KINDS = ("none", "logistic", "forest", "softmax")
Kind = Annotated[str, Limit(f"as one of {', '.join(KINDS)}", lambda x: x in KINDS)]
View = Annotated[int, Limit("as 0, 1 or 2", lambda x: x in (0, 1, 2))]
Hour = Annotated[float | None, Limit("of at least 0 and below 24", lambda x: x is None or 0 <= x < 24)]
Part = Annotated[float, Limit("over 0 and at most 1", lambda x: 0 < x <= 1)]


@dataclass(frozen=True)
class Walkway:
    """The built-in synthetic footage."""

    height: Count = 120  # pixels
    width: Count = 184  # pixels
    fps: Positive = 10.0
    train_clips: Natural = 16
    test_clips: Natural = 10
    clip_frames: Count = 150
    seed: Natural = 0
    view: View = 0  # which way the camera looks; people and light come from the seed
    noise: NotNegative = 3.0  # standard deviation of the sensor noise, grey levels


@dataclass(frozen=True)
class Footage:
    """How a source is cut into clips and the clips into splits."""

    picture_fps: Positive = 10.0  # frames/s of picture folders, which carry none
    clip_seconds: Positive = 20.0  # unlabelled clips that last longer are cut into pieces of this length
    validation_share: Share = 0.2  # of the normal clips: early stopping, calibration, threshold
    holdout_share: Share = 0.1  # of the normal clips: nothing is fitted on them
    max_expansion_mb: Count = 20_000  # an archive that unpacks to more is refused


@dataclass(frozen=True)
class Preprocessing:
    """The one road from a camera frame to a network input."""

    height: Side = 160  # pixels, after crop
    width: Side = 240  # pixels, after crop
    channels: Channels = 1  # 1 grey, 3 RGB
    crop: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0)  # top, bottom, left, right; shares of the frame
    blur: NotNegative = 0.0  # standard deviation of a Gaussian blur, pixels of the cropped frame; 0 is none
    region_mask: tuple[tuple[tuple[float, float], ...], ...] = ()  # polygons of (x, y), shares of the cropped frame


@dataclass(frozen=True)
class PredNet:
    """Architecture, in the paper's names; the small preset. Layer 0 stands first."""

    stack_sizes: Counts = (1, 8, 16, 32)
    r_stack_sizes: Counts = (4, 8, 16, 32)
    a_filter_sizes: tuple[Count, ...] = (3, 3, 3)
    a_hat_filter_sizes: Counts = (3, 3, 3, 3)
    r_filter_sizes: Counts = (3, 3, 3, 3)
    pixel_max: Positive = 1.0
    shrink: Count = 2  # times smaller than the preprocessed frame is what the network sees


@dataclass(frozen=True)
class Training:
    """How PredNet is fitted to normal clips."""

    window_frames: Window = 10
    batch_size: Count = 4
    epochs: Count = 12
    steps_per_epoch: Count = 60
    validation_windows: Count = 20
    layer_loss_weights: tuple[NotNegative, ...] = (1.0, 0.0, 0.0, 0.0)  # L0; (1, 0.1, 0.1, 0.1) is Lall
    learning_rate: Positive = 0.001
    final_learning_rate: NotNegative = 0.0001  # reached along a cosine
    warmup_steps: Natural = 50
    clip_norm: Positive = 1.0  # of the gradient over all weights
    patience: Count = 6  # epochs without a better validation loss
    freeze_layers: tuple[Natural, ...] = ()  # whose A, A-hat and gates keep the weights that training starts from
    mixed_precision: bool = False
    xla: bool = False
    seed: Seed = 0


@dataclass(frozen=True)
class Scoring:
    """Evidence per frame."""

    warm_up_frames: Count = 8  # first frames of a clip, which have no score
    block_size: Count = 16  # pixels of the preprocessed frame
    smoothing_frames: AtLeastOne = 5.0  # time constant of the causal smoothing along the motion
    fused: Names = ("prediction_error", "motion_distance", "appearance_distance")  # kinds of evidence in the score


@dataclass(frozen=True)
class Decision:
    """From scores to alarms and events."""

    false_alarms_per_hour: Positive = 1.0
    leave_share: Part = 0.7  # of the threshold; an event goes on while the score stays over it
    shortest_seconds: NotNegative = 0.3  # what is over sooner is no event
    join_seconds: NotNegative = 1.0  # back over the threshold within this it is the same event
    cool_down_seconds: NotNegative = 3.0  # after an event, until another one is announced
    adaptive: bool = False  # the threshold goes with the hour, where clips' names tell it, or else with a running level
    level_seconds: Positive = 600.0  # time constant of that level


@dataclass(frozen=True)
class Classifier:
    """Categories from labelled clips, beside the scores."""

    kind: Kind = "none"


@dataclass(frozen=True)
class Config:
    """Every section in one."""

    walkway: Walkway = field(default_factory=Walkway)
    footage: Footage = field(default_factory=Footage)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    prednet: PredNet = field(default_factory=PredNet)
    training: Training = field(default_factory=Training)
    scoring: Scoring = field(default_factory=Scoring)
    decision: Decision = field(default_factory=Decision)
    classifier: Classifier = field(default_factory=Classifier)

    def __post_init__(self) -> None:
        """Refuses what no section can see alone."""
        if self.prednet.stack_sizes[0] != self.preprocessing.channels:
            raise BadInput(
                f"expected prednet.stack_sizes to begin with preprocessing.channels, {self.preprocessing.channels}. "
                f"Received: {self.prednet.stack_sizes}"
            )


PRESETS: dict[str, dict[str, Any]] = {
    "small": {},
    "paper": {
        "preprocessing": {"height": 128, "width": 160, "channels": 3},
        "prednet": {"shrink": 1, "stack_sizes": [3, 48, 96, 192], "r_stack_sizes": [3, 48, 96, 192]},
        "training": {"epochs": 150, "steps_per_epoch": 125},
    },
}


def parse(kind: type[T], data: Mapping[str, Any], where: str = "") -> T:
    """Builds the dataclass `kind` from plain data, as JSON holds it.

    Raises:
        BadInput: an unknown key, a value of the wrong type or out of its limits, named with its full path.
    """
    hints = typing.get_type_hints(kind, include_extras=True)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise BadInput(f"expected settings of {where or kind.__name__}: {', '.join(hints)}. Received: {unknown[0]}")
    return kind(**{key: _value(hints[key], value, f"{where}.{key}".lstrip(".")) for key, value in data.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    if typing.get_origin(hint) is Annotated:
        kind, limit = typing.get_args(hint)
        parsed = _value(kind, value, where)
        if not limit.holds(parsed):
            raise BadInput(f"expected {where} {limit.words}. Received: {value!r}")
        return parsed
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return parse(typing.cast(type[Any], hint), value, where)
    if hint == tuple[str, ...] and isinstance(value, str):
        value = [word.strip() for word in value.strip("[]").split(",")]  # bare words, as a single one may be
    if typing.get_origin(hint) is tuple and isinstance(value, (list, tuple)):
        items = typing.get_args(hint)
        hints = items[:1] * len(value) if items[-1] is Ellipsis else items
        if len(hints) == len(value):
            return tuple(_value(h, v, where) for h, v in zip(hints, value, strict=True))
    if typing.get_origin(hint) is dict and isinstance(value, Mapping):
        (_, item) = typing.get_args(hint)
        return {str(key): _value(item, v, f"{where}.{key}") for key, v in value.items()}
    if isinstance(hint, types.UnionType):
        return None if value is None else _value(next(h for h in hint.__args__ if h is not type(None)), value, where)
    if hint is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if hint is int and type(value) is float and value.is_integer():
        return int(value)  # JSON through protobuf has no integers
    if type(value) is hint and hint is not float:
        return value
    raise BadInput(f"expected {where} as {_name(hint)}. Received: {value!r}")


def _name(hint: Any) -> str:
    """For people: `[int, ...]`, say."""
    items = typing.get_args(hint)
    if typing.get_origin(hint) is Annotated:
        return _name(items[0])
    if typing.get_origin(hint) is tuple:
        return f"[{', '.join('...' if item is Ellipsis else _name(item) for item in items)}]"
    return hint.__name__ if isinstance(hint, type) else str(hint)


def build(preset: str = "small", overrides: tuple[str, ...] | list[str] = ()) -> Config:
    """The configuration of a preset with `section.key=value` overrides; values are JSON, or bare words.

    Raises:
        BadInput: an unknown preset, an unknown key, or a value of the wrong type or out of its limits.
    """
    if preset not in PRESETS:
        raise BadInput(f"expected a preset of {', '.join(PRESETS)}. Received: {preset}")
    return _changed({section: dict(values) for section, values in PRESETS[preset].items()}, overrides)


def change(settings: Config, overrides: Sequence[str]) -> Config:
    """The settings with overrides as in `build`."""
    return _changed(dataclasses.asdict(settings), overrides)


def _changed(data: dict[str, Any], overrides: Sequence[str]) -> Config:
    for override in overrides:
        path, equals, text = override.partition("=")
        section, dot, key = path.partition(".")
        if not (equals and dot):
            raise BadInput(f"expected --set section.key=value. Received: {override}")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        data.setdefault(section, {})[key] = value
    return parse(Config, data)


def to_json(settings: Any) -> str:
    """Any of these dataclasses as JSON text with sorted keys, so that equal settings are equal text."""
    return json.dumps(dataclasses.asdict(settings), sort_keys=True)
