"""What a request that succeeded owes: all that it carried is done, and nothing else is lost.

It is judged from what was there before, what was sent and what is there afterwards, by a few rules
that know nothing of how a value is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.generated import values

if TYPE_CHECKING:
    from shared.scim.schema import Attribute, AttributePath
    from tests.support.generated.sendings import Sending

OK = ""
_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Done:
    """A request that succeeded.

    Attributes:
        path: The attribute.
        sending: How the value was sent.
        value: What was sent.
        was: The value of the attribute before; None for none.
        now: The value of the attribute afterwards.
    """

    path: AttributePath
    sending: Sending
    value: Any
    was: Any
    now: Any

    @property
    def attribute(self) -> Attribute:
        return self.path.attribute

    @property
    def meant(self) -> Any:
        """The value without the name of the attribute, where that stands around it."""
        if isinstance(self.value, dict) and len(self.value) == 1:
            ((name, inner),) = self.value.items()
            is_name = name.lower() in {self.path.text.lower(), self.attribute.name.lower()}
            return inner if is_name and self.attribute.sub_attribute(name) is None else self.value
        return self.value

    def fault(self) -> str:
        """Say what was lost, or done unasked; "" for nothing."""
        if self.path.is_read_only:
            return self._fault_of_read_only()
        if self.now is not None and not values.is_of_its_type(self.attribute, self.now):
            return "the value is not of its type"
        if self.sending.by == "remove":
            return self._fault_of_remove()
        drops_labels = not (self.sending.is_filtered and (self.was or self.sending.names_value))
        owed = values.carried(self.attribute, self.meant, drops_labels=drops_labels)
        return self._fault_of_write(owed) if owed else self._fault_of_nothing()

    def _fault_of_read_only(self) -> str:
        if self.sending.has_path:
            return "a path may not name what is readOnly"
        return OK if self.now == self.was else "what is readOnly has changed"

    def _fault_of_remove(self) -> str:
        """A remove without a value takes all that its path means, and one with a value that."""
        if self.meant in values.UNASSIGNED:
            left = (self.was or [])[1:] if self.sending.is_filtered else []
            return OK if values.leaves(self.now) == values.leaves(left) else "not just that is gone"
        owed = values.carried(self.attribute, self.meant)
        if not owed and not values.clears(self.attribute, self.meant, is_one=True):
            return OK if self.now == self.was else "nothing was named, and something is gone"
        left = _elements(self.now)
        gone = [each for each in _elements(self.was) if each not in left]
        if not self.attribute.multi_valued:
            return self._fault_of_lost(owed)
        strangers = [each for each in gone if not values.leaves(each) & owed]
        return f"removed and not named: {strangers}" if strangers else OK

    def _fault_of_lost(self, owed: set[str]) -> str:
        """Of a single value those parts are gone that were named, and the URI with its id."""
        was = self.was if isinstance(self.was, dict) else {"value": self.was}
        if values.clears(self.attribute, self.meant, is_one=True):
            return OK
        strangers = values.leaves(self.was) - values.leaves(self.now) - owed
        if values.leaves(was.get("value")) & owed:
            strangers -= values.leaves(was.get("$ref"))
        return f"removed and not named: {strangers}" if strangers else OK

    def _fault_of_write(self, owed: set[str]) -> str:
        found = values.leaves(self.now)
        if not owed <= found:
            return f"lost: {owed - found}"
        if self.attribute.multi_valued:
            kept = self.was if self.sending.by == "add" else []
            if self.sending.is_filtered:
                kept = (self.was or [])[1:]
            missing = values.leaves(kept) - found
            return f"gone: {missing}" if missing else OK
        return self._fault_of_parts() if self.attribute.type == "complex" else OK

    def _fault_of_parts(self) -> str:
        """RFC 7644 section 3.5.2.3: parts that are not named stay; a PUT replaces all of them."""
        if not self.sending.is_patch:
            return OK
        text = str(self.value).lower()
        gone = {
            name
            for name in (self.was or {}).keys() - (self.now or {}).keys() - {"$ref"}
            if f"'{name.lower()}'" not in text and f'"{name.lower()}"' not in text
        }
        return f"parts gone: {gone}" if gone else OK

    def _fault_of_nothing(self) -> str:
        was, now = self.was, self.now
        if now == was or (was is None and now == self.attribute.default):
            return OK
        is_one = self.sending.is_filtered or not self.attribute.multi_valued
        is_object = self.attribute.type == "complex" and not self.attribute.multi_valued
        is_replaced = self.sending.by == "PUT" and is_object and now is None
        if not (is_replaced or values.clears(self.attribute, self.meant, is_one=is_one)):
            return f"{was} became {now}"
        if not values.leaves(now) <= values.leaves(was) | values.leaves(self.value):
            return "something came that nobody sent"
        others = (was or [])[1:] if self.sending.is_filtered else []
        return OK if values.leaves(others) <= values.leaves(now) else "another element has gone"


@dataclass(frozen=True, slots=True)
class DonePart:
    """A request for a part of an attribute that succeeded; see `Done` for the other attributes.

    Attributes:
        sub: The part.
    """

    path: AttributePath
    sub: Attribute
    sending: Sending
    value: Any
    was: Any
    now: Any

    @property
    def meant(self) -> Any:
        """The value without the name of the part, where that stands around it."""
        if isinstance(self.value, dict) and [*map(str.lower, self.value)] == [self.name.lower()]:
            return next(iter(self.value.values()))
        return self.value

    @property
    def name(self) -> str:
        return self.sub.name

    def fault(self) -> str:
        """Say what was lost, or done unasked; "" for nothing."""
        if self.sub.mutability == "readOnly":
            is_passed_over = not self.sending.has_path and self.now == self.was
            return OK if is_passed_over else "a path may not name what is readOnly"
        if self.now is not None and not values.is_of_its_type(self.path.attribute, self.now):
            return "the value is not of its type"
        if self.name == "primary" and self.was is None and self.now is None:
            return OK  # there is no value that could be the preferred one
        if self._is_remove_of_another_value() and self.now != self.was:
            return "removed and not named"
        return self._fault_of_part()

    def _fault_of_part(self) -> str:
        owed, found = self._owed_and_found()
        if not owed <= found:
            return f"lost: {owed - found}"
        is_written = bool(owed) or not self._clears()
        if is_written and not owed and _of_part(self.name, self.was) != found:
            return f"{self.was} became {self.now}"
        return self._fault_of_others(is_written=is_written)

    def _owed_and_found(self) -> tuple[set[str], set[str]]:
        if self.name == "value":
            # JSON as the text of a `value` is all that it says.
            packed = {"value": self.meant}
            owed, found = values.carried(self.path.attribute, packed), values.leaves(self.now)
            found = found if owed else _of_part(self.name, self.now)
        else:
            owed, found = values.carried(self.sub, self.meant), _of_part(self.name, self.now)
        return set() if self.sending.by == "remove" else owed, found

    def _clears(self) -> bool:
        return self.sending.by == "remove" or self._clears_value()

    def _is_remove_of_another_value(self) -> bool:
        if self.sending.by != "remove" or self.value in values.UNASSIGNED or self._clears_value():
            return False
        named = values.carried(self.sub, self.meant) | self._named_in_json()
        return not named & _of_part(self.name, self.was)

    def _named_in_json(self) -> set[str]:
        """Return what JSON as the text of a `value` names."""
        packed = {"value": self.meant}
        return values.carried(self.path.attribute, packed) if self.name == "value" else set()

    def _clears_value(self) -> bool:
        if values.clears(self.sub, self.meant, is_one=True):
            return True
        packed = {"value": self.meant}
        return self.name == "value" and values.clears(self.path.attribute, packed, is_one=True)

    def _fault_of_others(self, *, is_written: bool) -> str:
        """What is written leaves other parts alone; what is cleared may take its element along."""
        # A URI goes with the id that it was the URI of.
        follows = {"value": {"$ref"}, "$ref": {"value"}}.get(self.name, _NOBODY)
        missing = _others(self.name, self.was, follows) - _others(self.name, self.now, _NOBODY)
        if not is_written:
            touched = (self.was or [])[:1] if self.sending.is_filtered else self.was
            missing -= values.leaves(touched)
        return f"gone: {missing}" if missing else OK


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _of_part(name: str, value: Any) -> set[str]:
    return values.leaves([each[name] for each in _elements(value) if name in each])


def _others(name: str, value: Any, ignored: frozenset[str] | set[str]) -> set[str]:
    """Return what the other parts hold, but for `primary`: to set it takes it from the others."""
    left_out = {name, "primary", *ignored}
    others = [
        {part: held for part, held in each.items() if part not in left_out}
        for each in _elements(value)
    ]
    return values.leaves(others)
