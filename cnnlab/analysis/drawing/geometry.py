"""그림의 자리: 상자의 크기, 놓은 곳, 선이 지나는 점. 단위는 그림 좌표이고 아래로 갈수록 y가 크다."""

from dataclasses import dataclass, field

ROW_GAP = 36.0  # 위아래 상자 사이
COLUMN_GAP = 26.0  # 나란한 갈래 사이
LANE = 34.0  # 지름길이 차지하는 너비

Point = tuple[float, float]
Edge = tuple[int, int]


@dataclass(frozen=True)
class Size:
    """상자의 크기. anchor는 왼쪽 끝에서 선이 드나드는 곳까지의 거리다."""

    width: float
    height: float
    anchor: float


@dataclass
class Placed:
    """놓은 결과. 왼쪽 위가 (0, 0)이다.

    anchor: 선이 드나드는 가로 자리. tops: 상자 -> (선이 드나드는 가로 자리, 위 끝). lanes: 선 -> 거쳐 가는 점들.
    tangled: 곡선으로 그릴 선(Tangle 안의 것).
    """

    width: float
    height: float
    anchor: float
    tops: dict[int, Point] = field(default_factory=dict)
    lanes: dict[Edge, list[Point]] = field(default_factory=dict)
    tangled: set[Edge] = field(default_factory=set)

    def moved(self, dx: float, dy: float) -> "Placed":
        copy = Placed(self.width, self.height, self.anchor + dx)
        copy.put(self, dx, dy)
        return copy

    def put(self, other: "Placed", dx: float, dy: float) -> None:
        self.tops.update({item: (x + dx, y + dy) for item, (x, y) in other.tops.items()})
        self.lanes.update({edge: [(x + dx, y + dy) for x, y in points] for edge, points in other.lanes.items()})
        self.tangled |= other.tangled
