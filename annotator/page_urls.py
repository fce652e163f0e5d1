"""HTML pages by address."""

urlpatterns: list = []
