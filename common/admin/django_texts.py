"""Texts of Django and of libraries whose Korean reads badly or is missing; marked here for our catalogue.

A catalogue of the project goes before those of Django, so that nothing else is needed.
"""
# ruff: noqa: RUF001  the quotes and apostrophes are Django's

from django.utils.translation import gettext_noop as _
from django.utils.translation import ngettext_lazy, pgettext_lazy

_("Action:")
_("No action selected.")
_("Items must be selected in order to perform actions on them. No items have been changed.")
_("0 of %(cnt)s selected")
ngettext_lazy("%(total_count)s selected", "All %(total_count)s selected", "total_count")
_("Select this object for an action - {}")
_("Select all objects on this page for an action")
_("The {name} “{obj}” was added successfully.")
_("The {name} “{obj}” was added successfully. You may add another {name} below.")
_("The {name} “{obj}” was changed successfully.")
_("The {name} “{obj}” was changed successfully. You may edit it again below.")
_("The {name} “{obj}” was changed successfully. You may add another {name} below.")
_("The %(name)s “%(obj)s” was deleted successfully.")
_("You may edit it again below.")
_("%(name)s with ID “%(key)s” doesn’t exist. Perhaps it was deleted?")
_("Add another %(verbose_name)s")
_("View %s")
_("Change history: %s")
_("History")
ngettext_lazy("Please correct the error below.", "Please correct the errors below.", "count")
_("Added “%(object)s”.")
_("Changed “%(object)s” — %(changes)s")
_("Deleted “%(object)s.”")
_("Added {name} “{object}”.")
_("Changed {fields} for {name} “{object}”.")
_("Changed {fields}.")
_("Deleted {name} “{object}”.")
_("Added.")
_("and")
_("Any date")
_("This year")
_("Save and add another")
_("Save and continue editing")
_("Save and view")
_("Hold down “Control”, or “Command” on a Mac, to select more than one.")
_(
    "Whether the user will be able to authenticate using a password or not. If disabled, they may "
    "still be able to authenticate using other backends, such as Single Sign-On or LDAP."
)

# Texts of django-tasks and its admin
pgettext_lazy("Task", "Ready")
pgettext_lazy("Task", "Running")
pgettext_lazy("Task", "Failed")
pgettext_lazy("Task", "Successful")
_("Task Result")
_("Task Results")
_("enqueued at")
_("finished at")
_("args kwargs")
_("priority")
_("task path")
_("worker id")
_("queue name")
_("backend name")
_("return value")
_("exception class path")
