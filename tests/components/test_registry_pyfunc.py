"""A registered detector behind MLflow's own loader, as a data scientist uses it."""

import keras
import numpy as np
import pytest

from components.registry import Registry
from model import config, detector, prednet
from model.clips import Clip
from model.gate import Decision

pytestmark = [
    pytest.mark.slow,
    # MLflow's own tables use what SQLAlchemy 2.1 calls deprecated.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning"),
]

SETTINGS = config.Config(
    preprocessing=config.Preprocessing(height=16, width=24),
    prednet=config.PredNet((1, 4), (1, 4), (3,), (3, 3), (3, 3), shrink=1),
    scoring=config.Scoring(warm_up_frames=3, block_size=8),
)


def frames(count, seed, channels=1):
    return np.random.default_rng(seed).normal(100, 6, (count, 16, 24, channels)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def fitted():
    keras.utils.set_random_seed(3)
    network = prednet.build(SETTINGS.prednet, 16, 24, (1.0, 0.1))
    # A leak in the copying start averages the noise away, which is better than copying the last frame.
    kernel, bias = (w.numpy() for w in network.cell.gates[0].weights)
    kernel[..., -1] *= 0.5
    network.cell.gates[0].set_weights([kernel, bias])
    clips = [Clip(f"n{i}", "validation", 10.0, frames(40, i), None, None, "") for i in range(2)]
    return detector.fit_detector(network, clips, clips, SETTINGS, "door", {})


@pytest.fixture
def loaded(fitted, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # registering sets it; this puts it back
    registry = Registry(f"sqlite:///{tmp_path}/mlflow.db", "door", (tmp_path / "artifacts").as_uri())
    detector.save(fitted, tmp_path / "trained")
    version = registry.register(registry.start_run({}, {}), tmp_path / "trained", {})
    registry.promote(version, Decision(True, "the first champion"))
    import mlflow.pyfunc

    return mlflow.pyfunc.load_model("models:/unforeseen-door@champion")


def test_the_champion_scores_as_the_detector_does_and_refuses_what_is_no_clip(fitted, loaded):
    from mlflow.exceptions import MlflowException

    clip = frames(20, 9)
    for t in range(12, 20):
        clip[t, 4:12, 2 * (t - 12) : 2 * (t - 12) + 8] = 250
    table, expected = loaded.predict(clip), fitted.score(clip)
    assert list(table.columns) == ["score", "alarm"]
    assert [str(kind) for kind in table.dtypes] == ["float32", "bool"]
    np.testing.assert_array_equal(table.score, expected.scores)
    np.testing.assert_array_equal(table.alarm, expected.alarms)
    assert table.score.isna().sum() == 3
    assert table.score[12:].max() > table.score[3:12].max()
    assert len(loaded.predict(frames(5, 1, channels=3))) == 5  # colour frames of the same camera
    for wrong in (clip.astype(np.float32), clip[0]):
        with pytest.raises(MlflowException, match="schema"):
            loaded.predict(wrong)
