"""What is told of long work where there is no terminal for bars."""

from __future__ import annotations

import pytest

from linkspan import console


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the clock shows."""
    now = [0.0]
    monkeypatch.setattr(console, "monotonic", lambda: now[0])
    return now


def test_a_line_now_and_then(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with console.ConsoleProgress().task("train", total=1200, unit="epochs") as task:
        for second in range(100):
            clock[0] = second
            task.advance(12, note="loss [0.5]")
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err.splitlines() == [
        "  train: 372 of 1,200 epochs in 30 s, loss [0.5]",
        "  train: 732 of 1,200 epochs in 60 s, loss [0.5]",
        "  train: 1,092 of 1,200 epochs in 90 s, loss [0.5]",
    ]


def test_a_note_stays_until_there_is_another(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with console.ConsoleProgress().task("train", total=100, unit="steps") as task:
        for note in ("", "epoch 1", "", "epoch 2", ""):
            clock[0] += 31
            task.advance(0 if note else 1, note)
    told = [line.rpartition(" s")[2] for line in capsys.readouterr().err.splitlines()]
    assert told == ["", ", epoch 1", ", epoch 1", ", epoch 2", ", epoch 2"]


def test_no_line_of_short_work(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(10):
        clock[0] += 20
        with console.ConsoleProgress().task("score", unit="users") as task:
            task.advance(5)
            clock[0] += 20
            task.advance(5)
    assert capsys.readouterr().err == ""
