"""Answers of a coordinator: what is averaged, what is cut down, and who is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from linkspan.gnn.federation.coordinator import CLIP, Coordinator
from linkspan.gnn.federation.messages import (
    BEGIN,
    END,
    EPOCH,
    PROTOCOL,
    REFUSED,
    STATES,
    WAIT,
    Message,
)

ABOUT = {"protocol": PROTOCOL, "version": "1", "encoder": "minilm", "text_width": 384, "key": None}
SMALL = st.floats(-10, 10, width=32)


def begin(name: str, values: Any, **about: Any) -> Message:
    """Beginning of a site with one parameter."""
    parameters = {"query": np.asarray(values, np.float32)}
    return Message(BEGIN, parameters, {**ABOUT, "site": name, **about})


def epoch(values: Any, events: Any = 1, steps: Any = 1) -> Message:
    """Parameters after an epoch."""
    about = {"events": events, "steps": steps}
    return Message(EPOCH, {"query": np.asarray(values, np.float32)}, about)


def begun(*names: str) -> Coordinator:
    """A coordinator whose sites have all begun, at zero."""
    coordinator = Coordinator("1")
    found = coordinator.answer({name: begin(name, [0, 0]) for name in names})
    assert all(answer.kind == BEGIN for answer in found.values())
    return coordinator


@given(
    sent=arrays.arrays(np.float32, (3, 2), elements=SMALL),
    events=st.lists(st.integers(1, 1_000), min_size=3, max_size=3),
)
def test_parameters_are_averaged_by_events_within_the_bound(
    sent: np.ndarray, events: list[int]
) -> None:
    """Against a plain sum over the sites."""
    names = ("a", "b", "c")
    found = begun(*names).answer(
        {name: epoch(*each) for name, *each in zip(names, sent, events, strict=True)}
    )
    lengths = np.linalg.norm(sent.astype(np.float64), axis=1)
    moved = np.sort(lengths[lengths > 0])
    bound = CLIP * moved[(len(moved) - 1) // 2] if len(moved) else 0
    scale = np.minimum(1, bound / np.maximum(lengths, 1e-30))
    wanted = (sent * scale[:, None] * np.array(events)[:, None]).sum(axis=0) / sum(events)
    for name in names:
        assert found[name].arrays["query"] == pytest.approx(wanted, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("places", [2, 3])
def test_a_step_a_thousand_times_too_long_is_cut_down_and_told(
    places: int, caplog: pytest.LogCaptureFixture
) -> None:
    names = [str(place) for place in range(places)]
    coordinator = begun(*names)
    told = {name: epoch([1, 0]) for name in names} | {"0": epoch([0, 1_000])}
    found = coordinator.answer(told)["1"].arrays["query"]
    assert found == pytest.approx([(places - 1) / places, CLIP / places])
    assert "the step of site '0' was 1000 times as long as the median" in caplog.text
    assert coordinator.gone == {}


def test_a_large_site_may_go_as_far_as_its_steps(caplog: pytest.LogCaptureFixture) -> None:
    """Fifty steps of an optimiser lead further than one; and who stands still says nothing."""
    coordinator = begun("large", "small", "still")
    told = {"large": epoch([38, 0], 98, steps=50), "small": epoch([1, 0]), "still": epoch([0, 0])}
    found = coordinator.answer(told)["small"].arrays["query"]
    assert found == pytest.approx([(98 * 38 + 1) / 100, 0])
    assert not caplog.text


def test_no_site_alone_says_where_all_begin() -> None:
    coordinator = Coordinator("1")
    told = {name: begin(name, [value, 0]) for name, value in (("a", 5_000), ("b", 1), ("c", 2))}
    assert coordinator.answer(told)["b"].arrays["query"].tolist() == [2, 0]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (epoch([np.nan, 0]), "its parameters are not finite"),
        (epoch([np.inf, 0]), "its parameters are not finite"),
        (epoch([0, 0, 0]), "the shapes of its parameters have changed"),
        (epoch([0, 0], events=0), "it learned from no events"),
        (epoch([0, 0], events=np.nan), "it learned from no events"),
        (epoch([0, 0], events="many"), "it learned from no events"),
        (epoch([0, 0], events=None), "it learned from no events"),
        (epoch([0, 0], steps=0), "it learned from no events"),
        (epoch([0, 0], events=10**18), "it learned from no events"),
        (Message(EPOCH, {"query": np.array(["a", "b"])}, {"events": 1}), "are not finite"),
        (Message("", {}, {}), "it sent what is no message of a site"),
        (Message(WAIT), "'wait' is not what a site sends now"),
        (Message(END), "'end' is not what a site sends now"),
        (begin("c", [0, 0]), "'begin' is not what a site sends now"),
        (Message(EPOCH, {"other": np.zeros(2)}, {"events": 1}), "parameters that nobody shares"),
    ],
)
def test_the_others_go_on_without_a_site_that_sends_what_cannot_be(
    message: Message, why: str
) -> None:
    coordinator = begun("a", "b", "c")
    found = coordinator.answer({"a": epoch([1, 1]), "b": epoch([3, 3]), "c": message})
    assert found["c"].kind == REFUSED and why in found["c"].about["why"]
    assert found["a"].arrays["query"] == pytest.approx([2, 2])
    assert coordinator.gone == {"c": found["c"].about["why"]}
    found = coordinator.answer({"a": epoch([2, 2]), "b": epoch([2, 2])})
    assert found["a"].kind == EPOCH


def test_the_others_go_on_without_a_site_whose_connection_is_lost() -> None:
    coordinator = begun("a", "b", "c")
    found = coordinator.answer({"a": epoch([1, 1]), "b": epoch([3, 3])})
    assert found["b"].arrays["query"] == pytest.approx([2, 2])
    assert coordinator.gone["c"].startswith("its connection was lost")
    found = coordinator.answer({"a": epoch([1, 1])})
    assert found["a"].kind == REFUSED and "too few sites" in found["a"].about["why"]


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"version": "2"}, "it has version 2 of Linkspan's, and the coordinator has 1"),
        ({"protocol": 99}, "it has protocol 99"),
        ({"encoder": "hash"}, "its encoder is hash, and that of site 'a' is minilm"),
        ({"text_width": 16}, "its text_width is 16"),
        ({"site": "a"}, "another site is called 'a'"),
        ({"site": "a[/x]"}, "its name is not of letters"),
        ({"key": "2222"}, "its LINKSPAN_USER_KEY is not that of site 'a'"),
    ],
)
def test_a_site_that_does_not_fit_is_refused_and_told_why(about: dict[str, Any], why: str) -> None:
    coordinator = Coordinator("1")
    told = {
        "1": begin("a", [0, 0], key="1111"),
        "2": begin("b", [0, 0]),
        "3": begin("c", [0, 0], **about),
    }
    found = coordinator.answer(told)
    assert found["3"].kind == REFUSED and why in found["3"].about["why"]
    assert found["1"].kind == found["2"].kind == BEGIN
    assert found["1"].about["sites"] == ["a", "b"]


def test_who_comes_late_is_refused() -> None:
    found = begun("a", "b").answer({"a": epoch([1, 1]), "b": epoch([1, 1]), "x": epoch([1, 1])})
    assert found["x"].kind == REFUSED and "begun already" in found["x"].about["why"]
    found = begun("a", "b").answer(
        {"a": epoch([1, 1]), "b": epoch([1, 1]), "x": begin("x", [1, 1])}
    )
    assert found["x"].kind == REFUSED and "begun already" in found["x"].about["why"]


def test_sites_that_cannot_meet_again_are_told_so() -> None:
    """One ends where the other begins once more."""
    coordinator = begun("a", "b")
    coordinator.answer({"a": Message(STATES), "b": Message(STATES)})
    found = coordinator.answer({"a": Message(END), "b": begin("b", [0, 0])})
    assert {answer.about.get("why") for answer in found.values()} == {"the sites are out of step"}


def test_all_begin_with_what_two_have_in_one_shape() -> None:
    coordinator = Coordinator("1")
    wide = {"query": np.ones(2, np.float32), "between": np.zeros((4, 4), np.float32)}
    told = {
        "1": Message(BEGIN, {**wide, "own": np.zeros(1, np.float32)}, {**ABOUT, "site": "b"}),
        "2": Message(BEGIN, wide, {**ABOUT, "site": "c"}),
        "3": begin("a", [0.5, 0.5]),
        "4": Message(BEGIN, {"between": np.zeros((2, 2), np.float32)}, {**ABOUT, "site": "d"}),
    }
    found = coordinator.answer(told)
    for answer in found.values():
        assert set(answer.arrays) == {"query", "between"}
        assert answer.arrays["query"].tolist() == [1, 1]
        assert answer.arrays["between"].shape == (4, 4)


def test_who_is_done_waits_for_the_others_and_hears_their_states() -> None:
    coordinator = begun("a", "b")
    done = {name: Message(STATES, {"states": np.array([ord(name)], np.uint8)}) for name in "ab"}
    found = coordinator.answer({"a": done["a"], "b": epoch([2, 2])})
    assert found["a"].kind == WAIT and found["b"].arrays["query"].tolist() == [2, 2]
    found = coordinator.answer({"a": Message(WAIT), "b": done["b"]})
    assert {name: array.tolist() for name, array in found["a"].arrays.items()} == {"b": [98]}
    assert {name: array.tolist() for name, array in found["b"].arrays.items()} == {"a": [97]}
    found = coordinator.answer({"a": begin("a", [1, 1]), "b": begin("b", [2, 2])})
    assert found["b"].arrays["query"].tolist() == [1, 1]
    assert coordinator.answer(done)["b"].kind == STATES
    found = coordinator.answer({"a": Message(END), "b": Message(END)})
    assert {answer.kind for answer in found.values()} == {END}
    assert coordinator.ended == ["a", "b"]
