"""Cards: what a version says of itself to people and catalogues that never see the database.

May import branches and what is below them.
"""
