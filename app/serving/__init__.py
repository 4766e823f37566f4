"""The REST server. Needs the extra ``serve``; `linkspan.serving.app.create_app` makes it."""
