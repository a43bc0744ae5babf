from django.urls import path

from lorapipe.styleguide import views

urlpatterns = [path("styleguide/", views.show_styleguide, name="styleguide")]
