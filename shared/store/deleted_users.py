"""What is known of users who were deleted: that a value was theirs, and when they went.

A DELETE writes a row for each value by which the user could be found, in the same transaction. Its
key holds the hash of the value, and the row nothing of the user but the id, so it tells only those
who know the value already. The rows expire together with the change row of the deletion.

They are looked at where nobody has the value now. So whoever has it again, the same person created
anew or somebody else, is what counts.
"""

from dataclasses import dataclass

from shared.store import layout
from shared.store.claims import IndexRows
from shared.store.layout import Column
from shared.tables.operations import Insert
from shared.tables.request_context import RequestContext
from shared.tables.table import Table, collect


@dataclass(frozen=True, slots=True)
class DeletedUser:
    """A user who was deleted.

    Attributes:
        id: of the user.
        version: that the deletion made.
        deleted: when, RFC 3339 in UTC.
    """

    id: str
    version: int
    deleted: str

    def rows(self, index_rows: IndexRows) -> list[Insert]:
        """Build the rows that tell of the user, by the index rows that it had."""
        return [
            Insert(
                layout.deleted_value_key(mark, self.id),
                {Column.DELETED: self.deleted, Column.VERSION: self.version},
            )
            for mark in layout.value_marks_in(index_rows.rows)
        ]


async def find_deleted(
    table: Table, context: RequestContext, kind: str, value: str
) -> DeletedUser | None:
    """Find the user who had a value and was deleted last. 1 call.

    Args:
        table: the table.
        context: the request.
        kind: of the claim on the value, or of its owners.
        value: in the form in which values are compared.
    """
    span = layout.deleted_values_span(layout.value_mark(kind, value))
    found = [
        DeletedUser(
            layout.id_in(row.key), int(row.values[Column.VERSION]), str(row.values[Column.DELETED])
        )
        for row in await collect(table, context, span)
    ]
    return max(found, key=lambda each: each.deleted, default=None)
