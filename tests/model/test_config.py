"""Settings: what may be set, how, and how a mistake is named."""

import json
from dataclasses import asdict, dataclass, field

import pytest

from model import config
from model.errors import BadInput


def test_a_preset_with_overrides_changes_only_what_was_named():
    settings = config.build("small", ["training.epochs=3", "preprocessing.blur=1.5", "training.xla=true"])
    changed = {"training": {"epochs": 3, "xla": True}, "preprocessing": {"blur": 1.5}}
    default = asdict(config.Config())
    assert asdict(settings) == {key: {**value, **changed.get(key, {})} for key, value in default.items()}


@pytest.mark.parametrize("preset", config.PRESETS)
def test_presets_have_a_value_for_every_layer(preset):
    settings = config.build(preset)
    layers = len(settings.prednet.stack_sizes)
    assert len(settings.prednet.r_stack_sizes) == len(settings.training.layer_loss_weights) == layers
    assert len(settings.prednet.a_filter_sizes) == layers - 1
    assert settings.preprocessing.height % 2 ** (layers - 1) == settings.preprocessing.width % 2 ** (layers - 1) == 0


def test_an_override_does_not_change_the_preset():
    config.build("paper", ["training.epochs=3", "prednet.stack_sizes=[3,4,5,6]"])
    assert config.build("paper").training.epochs == 150
    assert config.build("paper").prednet.stack_sizes == (3, 48, 96, 192)


def test_the_last_override_counts():
    assert config.build(overrides=["training.epochs=3", "training.epochs=4"]).training.epochs == 4


def test_lists_become_tuples_at_any_depth():
    settings = config.build(overrides=["preprocessing.region_mask=[[[0,0],[1,0],[0.5,1]],[[0,0],[1,1],[0,1]]]"])
    triangle, other = settings.preprocessing.region_mask
    assert triangle == ((0.0, 0.0), (1.0, 0.0), (0.5, 1.0))
    assert len(other) == 3
    hash(settings)  # so that settings can be a key


@pytest.mark.parametrize(
    "text", ['["layer_error", "optical_flow"]', "[layer_error, optical_flow]", "layer_error,optical_flow"]
)
def test_kinds_of_evidence_may_be_bare_words(text):
    assert config.build(overrides=[f"scoring.fused={text}"]).scoring.fused == ("layer_error", "optical_flow")


@pytest.mark.parametrize(
    ("override", "value"),
    [
        pytest.param("training.epochs=2.0", 2, id="protobuf has no integers"),
        pytest.param("training.learning_rate=1", 1.0, id="nor has JSON a way to say 1.0"),
        pytest.param("prednet.stack_sizes=[1.0, 4.0]", (1, 4), id="within lists too"),
    ],
)
def test_numbers_take_the_type_of_the_setting(override, value):
    path = override.partition("=")[0].split(".")
    found = getattr(getattr(config.build(overrides=[override]), path[0]), path[1])
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        pytest.param("training.epochs", "expected --set section.key=value. Received: training.epochs", id="no value"),
        pytest.param("epochs=3", "expected --set section.key=value. Received: epochs=3", id="no section"),
        pytest.param("train.epochs=3", r"expected settings of Config: .*training.*Received: train$", id="section"),
        pytest.param("training.epoch=3", r"settings of training: .*epochs.*Received: epoch$", id="key"),
        pytest.param("training.epochs.x=3", r"settings of training: .*Received: epochs.x$", id="too deep"),
        pytest.param("training.epochs=2.5", "expected training.epochs as int. Received: 2.5", id="no integer"),
        pytest.param("training.epochs=many", "training.epochs as int. Received: 'many'", id="a word"),
        pytest.param("training.epochs=", "training.epochs as int. Received: ''", id="nothing"),
        pytest.param("training.epochs=null", "training.epochs as int. Received: None", id="null"),
        pytest.param("training.epochs=true", "training.epochs as int. Received: True", id="bool is no int"),
        pytest.param("preprocessing.blur=true", "preprocessing.blur as float. Received: True", id="nor a float"),
        pytest.param("training.xla=1", "training.xla as bool. Received: 1", id="int is no bool"),
        pytest.param("training.learning_rate=NaN", "learning_rate as float. Received: nan", id="NaN"),
        pytest.param("training.learning_rate=1e999", "learning_rate as float. Received: inf", id="infinity"),
        pytest.param("prednet.stack_sizes=1", r"stack_sizes as \[int, \.\.\.\]. Received: 1", id="no list"),
        pytest.param("prednet.stack_sizes=[1,true]", "stack_sizes as int. Received: True", id="bool in a list"),
        pytest.param(
            "preprocessing.crop=[0,1]", r"crop as \[float, float, float, float\]. Received: \[0, 1\]", id="short list"
        ),
        pytest.param(
            "preprocessing.region_mask=[[0,0],[1,1],[0,1]]", r"region_mask as \[float, float\]. Received: 0", id="flat"
        ),
        pytest.param(
            "preprocessing.channels=3", r"begin with preprocessing.channels, 3.*\(1, ", id="not the network's"
        ),
    ],
)
def test_a_mistake_is_named_in_one_line(override, message):
    with pytest.raises(BadInput, match=message) as e:
        config.build(overrides=[override])
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("walkway.fps=0", "no time passes"),
        ("walkway.noise=-1", "a deviation"),
        ("walkway.seed=-1", "NumPy takes none"),
        ("footage.picture_fps=0", "no time passes"),
        ("footage.clip_seconds=0", "endless pieces"),
        ("footage.validation_share=1", "nothing to train on"),
        ("footage.holdout_share=-0.1", "a share"),
        ("footage.max_expansion_mb=0", "no archive would do"),
        ("preprocessing.height=8", "optical flow raises under 12 pixels"),
        ("preprocessing.width=-120", "a length"),
        ("preprocessing.channels=2", "neither grey nor RGB"),
        ("preprocessing.blur=-0.1", "a deviation"),
        ("prednet.stack_sizes=[1,0]", "no channel"),
        ("prednet.stack_sizes=[]", "no layer"),
        ("prednet.r_filter_sizes=[3,3,3,-3]", "a length"),
        ("prednet.pixel_max=0", "every prediction would be black"),
        ("training.window_frames=1", "its only frame counts nothing"),
        ("training.batch_size=0", "no batch"),
        ("training.steps_per_epoch=0", "no epoch"),
        ("training.epochs=0", "no training"),
        ("training.validation_windows=0", "no validation loss"),
        ("training.layer_loss_weights=[1,-0.1,0.1,0.1]", "rewards error"),
        ("training.learning_rate=0", "divides"),
        ("training.final_learning_rate=-1", "climbs the loss"),
        ("training.warmup_steps=-1", "a number of steps"),
        ("training.clip_norm=0", "no gradient is left"),
        ("training.patience=0", "stops before it starts"),
        ("training.seed=4294967296", "NumPy takes none"),
        ("scoring.warm_up_frames=0", "nothing predicts the first frame"),
        ("scoring.block_size=0", "no block"),
        ("scoring.fused=[]", "no evidence"),
        ("scoring.fused=[speed]", "nothing gives it"),
        ("scoring.smoothing_frames=0.5", "overshoots"),
        ("decision.false_alarms_per_hour=0", "no threshold is high enough"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(override, why):
    path, _, value = override.partition("=")
    with pytest.raises(BadInput, match=rf"expected {path} (of|over|as 1 or 3|as one or more).* Received: ") as e:
        config.build(overrides=[override])
    assert "\n" not in str(e.value)


def test_an_unknown_preset_is_refused():
    with pytest.raises(BadInput, match="expected a preset of small, paper. Received: tiny"):
        config.build("tiny")


def test_the_defaults_are_within_their_limits():
    assert config.parse(config.Config, asdict(config.Config())) == config.Config()


def test_json_and_back():
    settings = config.build("paper", ["preprocessing.region_mask=[[[0,0],[1,0],[0.1,1]]]", "training.seed=7"])
    assert config.parse(config.Config, json.loads(config.to_json(settings))) == settings


def test_equal_settings_are_equal_text_in_whatever_order_they_came():
    one = config.build(overrides=["training.epochs=3", "training.seed=1"])
    other = config.build(overrides=["training.seed=1.0", "training.epochs=3.0"])
    assert config.to_json(one) == config.to_json(other)
    assert config.to_json(one) != config.to_json(config.build(overrides=["training.epochs=3"]))


@dataclass(frozen=True)
class Inner:
    size: int | None = None


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)


def test_other_dataclasses_are_read_alike():
    assert config.parse(Outer, {"inner": {"size": 2.0}}) == Outer(Inner(2))
    assert config.parse(Outer, {"inner": {"size": None}}) == Outer()
    with pytest.raises(BadInput, match="expected inner as Inner. Received: 3"):
        config.parse(Outer, {"inner": 3})
