"""Sites of a federation in one process: a thread each, one of which works at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Condition, Thread
from typing import Any, TypeVar

import torch

from linkspan.errors import ModelError
from linkspan.gnn.federation.coordinator import Coordinator
from linkspan.gnn.federation.messages import END, REFUSED, WAIT, Message

Result = TypeVar("Result")


class Room:
    """A coordinator and the sites around it.

    Args:
        coordinator: Answers the sites.
        sites: How many there are.
    """

    def __init__(self, coordinator: Coordinator, sites: int) -> None:
        self._coordinator = coordinator
        self._here = set(map(str, range(sites)))
        self._turn = Condition()
        self._busy = False
        self._told: dict[str, Message] = {}
        self._answers: dict[str, Message] = {}
        self.heard: list[tuple[str, Message]] = []

    def work(self, site: str, task: Callable[[RoomLink], Result]) -> Result:
        """Do a site's task, when it is its turn."""
        self._take_turn()
        try:
            result = task(RoomLink(self, site))
            self.exchange(site, Message(END))
            return result
        finally:
            with self._turn:
                self._here.discard(site)
                self._told.pop(site, None)
                self._busy = False
                self._answer()
                self._turn.notify_all()

    def exchange(self, site: str, message: Message) -> Message:
        """Tell the coordinator, and wait while others work.

        Torch's generator is one for all threads; a site goes on with it as it left it.
        """
        drawn = torch.get_rng_state()
        with self._turn:
            self.heard.append((site, message))
            self._told[site] = message
            self._busy = False
            self._answer()
            self._turn.notify_all()
            self._turn.wait_for(lambda: site in self._answers and not self._busy)
            self._busy = True
            torch.set_rng_state(drawn)
            return self._answers.pop(site)

    def _take_turn(self) -> None:
        with self._turn:
            self._turn.wait_for(lambda: not self._busy)
            self._busy = True

    def _answer(self) -> None:
        """Ask the coordinator, when all who are there have said something."""
        if not self._here or self._told.keys() != self._here:
            return
        found = self._coordinator.answer(self._told)
        for site, answer in found.items():
            if answer.kind == WAIT:
                self._told[site] = Message(WAIT)
            else:
                self._answers[site] = answer
                del self._told[site]
                if answer.kind in (END, REFUSED):
                    self._here.discard(site)


class RoomLink:
    """A site's link in a room."""

    def __init__(self, room: Room, site: str) -> None:
        self.room, self._site = room, site

    def exchange(self, message: Message) -> Message:
        """As `linkspan.gnn.federation.messages.Link` has it."""
        answer = self.room.exchange(self._site, message)
        if answer.kind == REFUSED:
            raise ModelError(str(answer.about["why"]))
        return answer


def together(
    coordinator: Coordinator, tasks: Sequence[Callable[[RoomLink], Result]]
) -> list[Result | Exception]:
    """Do the tasks of all sites; what each gave, or raised."""
    room = Room(coordinator, len(tasks))
    found: dict[int, Any] = {}

    def run(place: int) -> None:
        try:
            found[place] = room.work(str(place), tasks[place])
        except Exception as error:
            found[place] = error

    threads = [Thread(target=run, args=(place,), daemon=True) for place in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=600)
    assert len(found) == len(tasks), "a site waits for ever"
    return [found[place] for place in range(len(tasks))]


def sizes(heard: Sequence[tuple[str, Message]]) -> Mapping[str, int]:
    """Kind of message to the bytes of the largest."""
    found: dict[str, int] = {}
    for _, message in heard:
        found[message.kind] = max(found.get(message.kind, 0), message.size)
    return found
