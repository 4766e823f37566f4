from __future__ import annotations

import pytest
from pydantic import ValidationError

from linkspan.errors import ConfigError
from linkspan.gnn import TrainSettings
from linkspan.gnn.settings import (
    PARTS,
    EncodingSettings,
    LearningSettings,
    MachineSettings,
    ModelSettings,
)


def test_no_two_parts_have_a_key_of_the_same_name() -> None:
    parts = [getattr(TrainSettings(), part) for part in TrainSettings.model_fields]
    assert len(PARTS) == sum(len(type(part).model_fields) for part in parts)
    assert not PARTS.keys() & TrainSettings.model_fields.keys()


def test_keys_find_their_part() -> None:
    settings = TrainSettings.of(encoder="hash", layers=1, epochs=3, memory=7)
    assert settings == TrainSettings(
        encoding=EncodingSettings(encoder="hash"),
        model=ModelSettings(layers=1),
        learning=LearningSettings(epochs=3),
        machine=MachineSettings(memory=7),
    )
    other = settings.changed(layers=3, seed=1)
    assert other == TrainSettings.of(encoder="hash", layers=3, epochs=3, memory=7, seed=1)
    assert settings.model.layers == 1


def test_unknown_keys_and_wrong_values_are_refused() -> None:
    for name in ("epoch", "model"):
        with pytest.raises(ConfigError, match=f"no setting of training '{name}'"):
            TrainSettings.of(**{name: 3})
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        TrainSettings().changed(epochs=0)
    with pytest.raises(ValidationError, match="multiple of 4"):
        TrainSettings.of(embedding_size=18).changed(convolution="hgt")


def test_the_machine_is_left_out_of_what_is_saved() -> None:
    here, there = TrainSettings.of(seed=1), TrainSettings.of(seed=1, device="cpu", memory=7)
    assert here != there
    assert here.model_dump() == there.model_dump()
    assert here.model_dump_json() == there.model_dump_json()
    assert TrainSettings.model_validate(there.model_dump(mode="json")) == here
