"""The page of `linkspan explore`. Needs the extra ``serve``; `create_app` of ``app`` makes it."""
