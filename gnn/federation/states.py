"""Users' states on their way to other sites: under keyed pseudonyms, and sealed."""

from __future__ import annotations

import io
from base64 import urlsafe_b64encode
from collections.abc import Mapping

import numpy as np
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray
from scipy import sparse

from linkspan.errors import ModelError
from linkspan.gnn.federation.messages import Array
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.parts.foreign import ForeignPart

FloatArray = NDArray[np.float32]

MOST_BYTES = 1 << 29
"""Sealed states that a site may send: of about 1.4 million users, and 2 GiB from four sites."""


def user_states(fitted: FittedModel) -> FloatArray:
    """(U, K) mean of the states of the items that each user has met, of length 1; 0 for none."""
    met = fitted.events[["user", "item"]].drop_duplicates()
    shape = (len(fitted.snapshot.users), len(fitted.snapshot.items))
    ones = np.ones(len(met), np.float32)
    sums = sparse.csr_array((ones, (met["user"], met["item"])), shape) @ fitted.item_states
    return _of_length_one(sums)


def _of_length_one(sums: FloatArray) -> FloatArray:
    """The same rows (n, K), each of length 1, or 0."""
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    states: FloatArray = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 1e-9)
    return states


class Sealer:
    """Seals users' states for those who have the same secret; the coordinator has not.

    Args:
        secret: Of all sites.
        names: Keyed pseudonym of each of the site's users, which all sites would give them, to
            their row.
    """

    def __init__(self, secret: str, names: Mapping[str, int]) -> None:
        derived = HKDF(SHA256(), 32, None, b"linkspan federation states").derive(secret.encode())
        self._fernet, self._names = Fernet(urlsafe_b64encode(derived)), names

    def seal(self, fitted: FittedModel) -> Array:
        """States of a site's users, with their pseudonyms, as bytes (uint8).

        Raises:
            ModelError: They are more than fits in a message.
        """
        states = user_states(fitted)
        known = [name for name, row in self._names.items() if states[row].any()]
        rows = [self._names[name] for name in known]
        buffer = io.BytesIO()
        np.savez(buffer, users=np.char.encode(np.array(known, str)), states=states[rows])
        sealed = np.frombuffer(self._fernet.encrypt(buffer.getvalue()), np.uint8)
        if sealed.nbytes > MOST_BYTES:
            raise ModelError(
                f"the states of {len(known):,} users take {sealed.nbytes >> 20:,} MiB, and a site "
                f"may send {MOST_BYTES >> 20:,}",
                hint="Leave 'states' out of [federation]",
            )
        return sealed

    def open(self, fitted: FittedModel, sealed: Mapping[str, Array]) -> ForeignPart | None:
        """The part that other sites' states make at a site.

        Args:
            fitted: The site's model; its known events are learned from.
            sealed: Site to what `seal` gave there.

        Returns:
            The part; None where no site knows a user of this one.

        Raises:
            ModelError: A seal is broken, or what is inside is no such table.
        """
        keys = fitted.snapshot.users["key"].to_numpy(object)
        parts = [
            self._by_row(len(keys), *self._unseal(site, array))
            for site, array in sorted(sealed.items())
        ]
        states = np.concatenate(parts or [np.zeros((len(keys), 0), np.float32)], axis=1)
        known = states.any(axis=1)
        if not known.any():
            return None
        users, events = keys[known].tolist(), fitted.events
        return ForeignPart.fit(sorted(sealed), users, states[known], fitted.snapshot, events)

    def _by_row(self, count: int, users: list[str], states: FloatArray) -> FloatArray:
        """(U, K) states of this site's users, 0 for whom the other site does not know."""
        sums = np.zeros((count, states.shape[1]), np.float32)
        rows = np.array([self._names.get(user, -1) for user in users], np.int64)
        np.add.at(sums, rows[rows >= 0], states[rows >= 0])  # one user may be several there
        return _of_length_one(sums)

    def _unseal(self, site: str, array: Array) -> tuple[list[str], FloatArray]:
        """Pseudonyms and states (n, K) of a site's users; longer ones are cut to length 1."""
        try:
            inside = self._fernet.decrypt(array.astype(np.uint8).tobytes())
            with np.load(io.BytesIO(inside)) as kept:
                users, states = np.char.decode(kept["users"]).tolist(), kept["states"]
        except (InvalidToken, ValueError, KeyError, OSError) as error:
            raise ModelError(
                f"the states of site '{site}' cannot be opened",
                hint="See that LINKSPAN_USER_KEY is the same at all sites, and Linkspan too",
            ) from error
        if states.ndim != 2 or len(states) != len(users) or not np.isfinite(states).all():
            raise ModelError(
                f"the states of site '{site}' are not a number for each place of each user",
                hint="Leave that site out",
            )
        lengths = np.linalg.norm(states, axis=1, keepdims=True)
        return users, (states / np.maximum(lengths, 1.0)).astype(np.float32)
