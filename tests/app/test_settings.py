"""Settings of training in the file: their tables, flags over them, and names of before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linkspan.errors import ConfigError
from linkspan.gnn.settings import PARTS, TrainSettings
from linkspan.settings import load_settings


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "linkspan.toml"


def test_each_part_is_a_table(toml: Path) -> None:
    toml.write_text(
        '[train.encoding]\nencoder = "hash"\n[train.model]\nlayers = 1\n'
        "[train.learning]\nepochs = 3\n[train.machine]\nmemory = 7\n"
    )
    expected = TrainSettings.of(encoder="hash", layers=1, epochs=3, memory=7)
    assert load_settings(toml).train == expected


def test_a_flag_is_over_the_table_and_leaves_the_rest_of_it(toml: Path) -> None:
    toml.write_text("[train.learning]\nepochs = 3\nseed = 1\n")
    assert load_settings(toml, train__learning__seed=2).train == TrainSettings.of(epochs=3, seed=2)
    toml.write_text("")
    assert load_settings(toml, train__learning__seed=2).train == TrainSettings.of(seed=2)
    with pytest.raises(ConfigError, match=r"^\[train\.learning\] seed: .* \(found -1\)"):
        load_settings(toml, train__learning__seed=-1)


@pytest.mark.parametrize("key", PARTS)
def test_a_key_where_it_was_before_is_told_its_place(toml: Path, key: str) -> None:
    default = getattr(getattr(TrainSettings(), PARTS[key]), key)
    toml.write_text(f"[train]\n{key} = {json.dumps(default)}\n")
    with pytest.raises(ConfigError) as raised:
        load_settings(toml)
    assert raised.value.message == f"{toml}: [train]: '{key}' is now in [train.{PARTS[key]}]"


def test_all_keys_in_a_wrong_table_are_told_at_once(toml: Path) -> None:
    toml.write_text("[train.model]\nlayers = 2\nepochs = 5\nmemory = 7\nspeed = 1\n")
    told = (
        r"\[train\.model\]: 'epochs' is now in \[train\.learning\], "
        r"'memory' is now in \[train\.machine\]"
    )
    with pytest.raises(ConfigError, match=told):
        load_settings(toml)
    toml.write_text("[train.model]\nlayer = 2\n")
    with pytest.raises(ConfigError, match=r"\[train\.model\]: there is no key 'layer'") as raised:
        load_settings(toml)
    assert raised.value.hint == "Perhaps 'layers' is meant"


def test_what_is_no_table_is_refused(toml: Path) -> None:
    for text, table in (("train = 5", "train"), ("[train]\nlearning = 5", "train.learning")):
        toml.write_text(text)
        for flags in ({}, {"train__learning__seed": 1}):
            with pytest.raises(ConfigError) as raised:
                load_settings(toml, **flags)
            assert raised.value.message == f"{toml}: [{table}] has to be a table (found 5)"


def test_a_rule_over_several_keys_names_their_table(toml: Path) -> None:
    toml.write_text('[train.model]\nconvolution = "hgt"\nembedding_size = 18\n')
    with pytest.raises(ConfigError, match=r"\[train\.model\]: 'embedding_size' has to be a mult"):
        load_settings(toml)
