"""One hash for many rows, from which a single row's membership can be proved. Pure.

The tree is that of RFC 6962 (certificate transparency): a leaf is SHA-256(0x00 ‖ row), an inner
node SHA-256(0x01 ‖ left ‖ right), and a tree of n leaves splits at the largest power of two below
n. The root of nothing is SHA-256 of nothing.
"""

import hashlib

__all__ = ["RowTree"]


class RowTree:
    """Takes rows one after the other and keeps no more than log2(n) hashes."""

    def __init__(self) -> None:
        self.count = 0
        self._peaks: list[bytes] = []  # roots of complete subtrees, largest first

    def add(self, row: bytes) -> None:
        node = hashlib.sha256(b"\x00" + row).digest()
        size = self.count
        while size & 1:
            node = _parent(self._peaks.pop(), node)
            size >>= 1
        self._peaks.append(node)
        self.count += 1

    def root(self) -> str:
        """The root over the rows so far, as 64 hexadecimal digits."""
        if not self._peaks:
            return hashlib.sha256(b"").hexdigest()
        node = self._peaks[-1]
        for left in reversed(self._peaks[:-1]):
            node = _parent(left, node)
        return node.hex()


def _parent(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
