"""The saved views of a person: filters of the list of conversations under a name."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Lower

from workspaces.models import TimestampedModel, User

MOST_VIEWS = 50  # of one person; above the table they are all shown
LONGEST_NAME = 60
LONGEST_QUERY = 4_000  # characters, as of every filter that comes along


class TooManyViews(Exception):
    """A person has as many views as one may have."""

    def __str__(self) -> str:
        return f"You have {MOST_VIEWS} views, which is the most. Delete one, or save under the name of one."


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def of(self, user: User) -> Self:
        """The views of this person, by name."""
        return self.filter(user=user).order_by(Lower("name"), "pk")

    @transaction.atomic
    def keep(self, user: User, *, name: str, query: str) -> "SavedView":
        """The view of this name has this filter from now on, whether it is new or there already. Raises TooManyViews.

        The person's row is locked meanwhile, so that two tabs cannot make the 51st view or two of one name.
        """
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        own = self.filter(user=user)
        found = own.filter(name=name).first()
        if found is None and own.count() >= MOST_VIEWS:
            raise TooManyViews
        made, _ = self.update_or_create(user=user, name=name, defaults={"query": query})
        return made


class SavedView(TimestampedModel):
    """A filter and an order of the list, under a name that one person gave it.

    It belongs to a person and to no workspace, because the list shows the conversations of all workspaces of that person: a view
    would have to be saved in each of them. What it finds is still only what that person may see when it is opened.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    name = models.CharField(max_length=LONGEST_NAME)
    query = models.CharField(
        "filter",
        max_length=LONGEST_QUERY,
        help_text="The query string of the list: tier=scenario&sort=score.",
    )

    objects: ClassVar[SavedViewQuerySet] = SavedViewQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "saved_views"
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="saved_view_name_once"),
            models.CheckConstraint(
                condition=~models.Q(name="") & ~models.Q(query=""), name="saved_view_complete"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"
