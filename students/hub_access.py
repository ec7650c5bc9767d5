"""May this token write there? Asked before a run begins, so that no student is trained for a push that is refused."""

import logging
from typing import TYPE_CHECKING, Any

from distill.errors import Refused
from distill.recipe import Recipe
from students.card import metadata
from students.card_rules import refuse_broken_metadata
from students.hub import WITHOUT, hub, hub_errors, hub_token, passes_by_itself, status_of, told
from students.push import Target, refuse_foreign

if TYPE_CHECKING:
    from huggingface_hub import HfApi

logger = logging.getLogger(__name__)


def targets(recipe: Recipe) -> list[Target]:
    """The repositories that a recipe names: first the data, which the student's card links."""
    spec = recipe.publish
    named = [("dataset", spec.dataset_id), ("model", spec.hub_id)]
    return [Target(kind, name, spec.private, recipe.name, spec.overwrite) for kind, name in named if name]  # type: ignore[arg-type]


def refuse_unpublishable(recipe: Recipe) -> None:
    """All that can be known of a push before anything is done: the card's metadata, the token, its permissions.

    A hub that cannot be reached refuses nothing, since machines that train often reach none: that is noted, and
    the push, which is the last stage, tells what it finds.

    Raises:
        Refused: the hub would not take it.
    """
    refuse_broken_metadata(metadata(recipe).to_dict())
    wanted = targets(recipe)
    if not wanted:
        return
    token = hub_token()
    with hub(token) as api:
        for target in wanted:
            try:
                _refuse_without_permission(api, target)
                refuse_foreign(api, target)
            except hub_errors() as e:
                reason, hint = told(e, target.name, token)
                if passes_by_itself(e) or status_of(e) is None:
                    logger.warning("note: whether '%s' can be pushed to is not known yet: %s.", target.name, reason)
                    return
                raise Refused(f"'{target.name}' cannot be pushed to: {reason}.", f"{hint}\n{WITHOUT}") from e


def _refuse_without_permission(api: "HfApi", target: Target) -> None:
    who = api.whoami(cache=True)
    user, owner = str(who.get("name")), target.name.split("/")[0]
    orgs = {str(org.get("name")): org.get("roleInOrg") for org in who.get("orgs", [])}
    tokens = f"{api.endpoint}/settings/tokens"
    if owner != user and owner not in orgs:
        mine = ", ".join([user, *orgs])
        raise Refused(f"'{target.name}' belongs to '{owner}', and HF_TOKEN is a token of {mine}.", WITHOUT)
    if orgs.get(owner) == "read":
        raise Refused(f"'{user}' may only read in '{owner}'.", "An admin of the organisation can change that.")
    access = who.get("auth", {}).get("accessToken", {})
    if access.get("role") == "read":
        raise Refused("HF_TOKEN may only read.", f"{tokens} makes one with write permission. {WITHOUT}")
    if access.get("role") == "fineGrained" and not _is_scoped(access.get("fineGrained", {}), target):
        raise Refused(f"HF_TOKEN has no write permission to '{target.name}'.", f"Add it at {tokens}. {WITHOUT}")


def _is_scoped(fine: dict[str, Any], target: Target) -> bool:
    """Does a fine-grained token name the repository, or its owner, as one that it may write to?"""
    names = {target.name, target.name.split("/")[0]}
    return any(
        "repo.write" in scope.get("permissions", []) and scope.get("entity", {}).get("name") in names
        for scope in fine.get("scoped", [])
    )
