from django.urls import URLPattern, path

from lorapipe.deletion import views

urlpatterns: list[URLPattern] = [
    path(
        "settings/workspaces/<uuid:workspace_id>/delete/",
        views.delete_own_workspace,
        name="settings_workspace_delete",
    ),
    path("settings/account/", views.delete_own_account, name="settings_account"),
]
