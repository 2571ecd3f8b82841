"""Bounds of the numbers that users set: one definition for services, forms and the schema of the API."""

from dataclasses import dataclass

from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Bounds:
    """A number from `minimum` to `maximum`; or 0, where that means something else, such as no limit."""

    minimum: float
    maximum: float
    or_zero: bool = False

    def accept(self, value: float) -> bool:
        """Tell whether a number is within the bounds; NaN and the infinities are not."""
        return self.minimum <= value <= self.maximum or (self.or_zero and value == 0)

    @property
    def message(self) -> str:
        """Sentence for those who gave another number."""
        text = _("Give a number from %(min)s to %(max)s.")
        if self.or_zero:
            text = _("Give 0, or a number from %(min)s to %(max)s.")
        return text % {"min": f"{self.minimum:,.15g}", "max": f"{self.maximum:,.15g}"}

    @property
    def schema(self) -> dict[str, float]:
        """Keywords of JSON Schema; of what they allow, the service refuses numbers close to 0."""
        return {"minimum": 0 if self.or_zero else self.minimum, "maximum": self.maximum}
