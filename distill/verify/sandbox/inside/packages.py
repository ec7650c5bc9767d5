"""Packages that programs import and a sandbox has not: a program that needs one cannot be judged."""

PACKAGES = tuple(
    """numpy pandas scipy sympy networkx sklearn torch tensorflow matplotlib seaborn requests sortedcontainers numba
    gmpy2 mpmath shapely cv2 PIL nltk regex more_itertools bs4 yaml attr pydantic tqdm jax keras statsmodels ortools
    pulp cvxpy pytest hypothesis dateutil pytz bitarray treelib igraph z3 lxml dask polars pyrsistent toolz""".split()
)


def lacking(error: BaseException) -> str:
    """The package for lack of which a program ended; empty if it ended otherwise."""
    name = error.name if type(error) is ModuleNotFoundError else None
    package = name.partition(".")[0] if type(name) is str else ""
    return package if package in PACKAGES else ""
