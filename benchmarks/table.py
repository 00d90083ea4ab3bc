"""A table of measures: what was found, what was wanted."""

from dataclasses import dataclass, field

Bar = tuple[str, float]


@dataclass(slots=True)
class Table:
    """measure | value | bar | ok or short."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, measure: str, value: float, unit: str, bar: Bar | None = None, digits: int = 2) -> None:
        """One more measure; without a bar it is only told."""
        wanted, verdict = "", ""
        if bar:
            sign, limit = bar
            good = value >= limit if sign == ">=" else value <= limit
            wanted, verdict = f"{sign} {limit:g} {unit}", "ok" if good else "short"
        self.rows.append((measure, f"{value:.{digits}f} {unit}", wanted, verdict))

    def print(self) -> None:
        """The columns below each other."""
        lines = [("measure", "value", "bar", ""), *self.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(4)]
        for line in lines:
            print(" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip(" |"))
