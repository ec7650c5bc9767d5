"""What is known of a push before a run begins: names, licences, metadata, the token and what it may write to."""

import re
from typing import Any

import pytest
import yaml
from hub_client import TOKEN
from hub_metadata import broken
from hub_server import HubServer
from hub_store import Blob, Fault, Repository, account
from pydantic import ValidationError

from distill.errors import Refused
from distill.licences import identifier, of_all
from distill.recipe import Publish, Recipe
from students.card import hub_name, metadata
from students.card_rules import broken_rules
from students.hub_access import refuse_unpublishable
from students.public import public


def named(recipe: Recipe, **publish: Any) -> Recipe:
    return recipe.model_copy(update={"publish": Publish(**{"hub_id": "me/student", **publish})})


@pytest.mark.parametrize(
    "name", ["student", "me/a--b", "me/a..b", "me/.a", "me/a-", "me/a.git", "me/" + "a" * 97, "a/b/c", "me/ä", "me/a b"]
)
def test_names_that_the_hub_does_not_take_are_refused(name: str) -> None:
    for key in ("hub_id", "dataset_id"):
        with pytest.raises(ValidationError, match=key):
            Publish(**{key: name})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"licence": "Apache 2.0"}, "did you mean 'apache-2.0'"),
        ({"licence": "my-own"}, "for one of your own write 'other'"),
        ({"licence": "other", "licence_name": "qwen-research"}, "needs licence_name and licence_link"),
        ({"licence": "other", "licence_name": "Qwen Research", "licence_link": "https://a.b/c"}, "licence_name"),
        ({"licence": "other", "licence_name": "qwen-research", "licence_link": "LICENSE"}, "begins with https://"),
        ({"licence": "mit", "licence_name": "qwen-research"}, "describe licence=other"),
    ],
)
def test_licences_that_the_hub_does_not_take_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        Publish(**given)
    Publish(licence="other", licence_name="qwen-research", licence_link="https://a.b/c")


def test_licences_as_people_write_them() -> None:
    written = ["MIT", "MIT License", "Apache License 2.0", "Apache-2.0", "CC BY 4.0", "CC-BY-NC-SA-4.0", "nobody's"]
    found = ["mit", "mit", "apache-2.0", "apache-2.0", "cc-by-4.0", "cc-by-nc-sa-4.0", None]
    assert [identifier(name) for name in written] == found
    shared = {("MIT", "mit"): "mit", ("MIT", "unknown"): "other", ("generated",): None, ("unknown",): None}
    assert {names: of_all(names) for names in shared} == shared
    assert of_all(["mit", "apache-2.0"]) == of_all(["nobody's"]) == "other"


SOUND: dict[str, Any] = {"license": "mit", "base_model": "Qwen/Qwen3-1.7B", "datasets": ["openai/gsm8k"], "tags": ["a"]}
RESULT = {
    "task": {"type": "text-generation"},
    "dataset": {"type": "x", "name": "X"},
    "metrics": [{"type": "a", "value": 1}],
}
BROKEN: list[dict[str, Any]] = [
    {"license": "apache"},
    {"license": "other", "license_name": "My Licence"},
    {"base_model": "/data/models/qwen"},
    {"base_model": "package:llm/file.gguf"},
    {"datasets": ["my data.jsonl"]},
    {"tags": [None]},
    {"model-index": [{"name": "x", "results": [RESULT | {"dataset": {"type": "x"}}]}]},
    {"model-index": [{"name": "x", "results": [RESULT | {"metrics": [{"type": "accuracy"}]}]}]},
]


@pytest.mark.parametrize("fault", BROKEN, ids=str)
def test_broken_metadata_is_seen_here_as_on_the_hub(fault: dict[str, Any]) -> None:
    whole = SOUND | {"model-index": [{"name": "x", "results": [RESULT]}]}
    assert not list(broken_rules(whole))
    assert not broken(f"---\n{yaml.safe_dump(whole)}---\n", "model")
    assert list(broken_rules(whole | fault))
    assert broken(f"---\n{yaml.safe_dump(whole | fault)}---\n", "model")


@pytest.mark.parametrize("model", ["Qwen/Qwen3-1.7B", "/data/qwen", "./qwen", "a/b/c", "package:x/y.gguf", "x/y.gguf"])
def test_only_hub_ids_become_base_models(recipe: Recipe, model: str) -> None:
    assert hub_name(model) == (model if model == "Qwen/Qwen3-1.7B" else None)
    told = metadata(recipe.model_copy(update={"student": recipe.student.model_copy(update={"model": model})})).to_dict()
    assert not list(broken_rules(told))
    assert told.get("base_model_relation") == ("finetune" if hub_name(model) else None)


FINE = [{"entity": {"type": "user", "name": "me"}, "permissions": ["repo.content.read", "repo.write"]}]
READS = [{"entity": {"type": "user", "name": "me"}, "permissions": ["repo.content.read"]}]
ONE = [{"entity": {"type": "model", "name": "me/student"}, "permissions": ["repo.write"]}]
MAY = [
    (account("me"), "me/student"),
    (account("me", orgs={"lab": "write"}), "lab/student"),
    (account("me", orgs={"lab": "contributor"}), "lab/student"),
    (account("me", "fineGrained", scoped=FINE), "me/student"),
    (account("me", "fineGrained", scoped=ONE), "me/student"),
]
MAY_NOT = [
    (account("me", "read"), "me/student", "HF_TOKEN may only read."),
    (account("me", orgs={"lab": "write"}), "other/student", "belongs to 'other', and HF_TOKEN is a token of me, lab"),
    (account("me", orgs={"lab": "read"}), "lab/student", "'me' may only read in 'lab'"),
    (account("me", "fineGrained", scoped=READS), "me/student", "HF_TOKEN has no write permission to 'me/student'"),
    (account("me", "fineGrained", scoped=ONE), "me/other", "HF_TOKEN has no write permission to 'me/other'"),
    (None, "me/student", "the hub does not accept HF_TOKEN"),
]


@pytest.mark.parametrize(("told", "name"), MAY)
def test_tokens_that_may_write_pass(hub: HubServer, recipe: Recipe, told: dict[str, Any], name: str) -> None:
    hub.accounts = {TOKEN: told}
    refuse_unpublishable(named(recipe, hub_id=name))
    assert not hub.repositories, "nothing is made before there is something to push"


@pytest.mark.parametrize(("told", "name", "said"), MAY_NOT)
def test_tokens_that_may_not_are_refused(
    hub: HubServer, recipe: Recipe, told: dict[str, Any] | None, name: str, said: str
) -> None:
    hub.accounts = {TOKEN: told} if told else {}
    with pytest.raises(Refused, match=re.escape(said)) as refused:
        refuse_unpublishable(named(recipe, hub_id=name))
    assert TOKEN not in str(refused.value) + refused.value.hint
    assert refused.value.hint


@pytest.mark.parametrize("token", ["", "hf_with blank", "hf_ä", "hf_a\nb"])
def test_what_is_no_token_is_refused_without_telling_it(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(Refused, match="HF_TOKEN") as refused:
        refuse_unpublishable(named(recipe))
    assert not token or token not in str(refused.value)


def test_what_lies_there_is_looked_at(hub: HubServer, recipe: Recipe) -> None:
    hub.repositories["dataset", "me/traces"] = Repository(private=False)
    with pytest.raises(Refused, match="'me/traces' is public"):
        refuse_unpublishable(named(recipe, dataset_id="me/traces"))
    hub.repositories["model", "me/student"] = Repository(True, {"pytorch_model.bin": Blob("0" * 40, 1, b"x")})
    with pytest.raises(Refused, match=r"files that distill did not put there \(pytorch_model.bin\)"):
        refuse_unpublishable(named(recipe))
    refuse_unpublishable(named(recipe, overwrite=True))


@pytest.mark.parametrize("what", ["drop", 503])
def test_a_hub_out_of_reach_stops_no_run(
    hub: HubServer, recipe: Recipe, caplog: pytest.LogCaptureFixture, what: Any
) -> None:
    hub.faults = [Fault("whoami", what)]
    refuse_unpublishable(named(recipe))
    (record,) = caplog.records
    assert "whether 'me/student' can be pushed to is not known yet" in record.getMessage()


def test_what_is_public_has_no_paths_servers_or_secrets() -> None:
    told = public(
        {
            "student": {"model": "/home/me/models/qwen", "revision": None},
            "teacher": {
                "base_urls": ["http://10.0.0.7:8000/v1", "https://me:pass@api.example.com/v1?key=1", "http://node7/v1"],
                "api_key_env": "MY_KEY",
                "extra_body": {"api_key": "sk-1", "max_tokens": 7, "tokenizer": "Qwen/Qwen3-1.7B"},
            },
            "problems": {"path": "~/math.jsonl"},
            "prompt": {"user": "/think {question}"},
        }
    )
    assert told == {
        "student": {"model": "qwen", "revision": None},
        "teacher": {
            "base_urls": ["http://localhost:8000/v1", "https://api.example.com/v1", "http://localhost:8000/v1"],
            "api_key_env": "MY_KEY",
            "extra_body": {"max_tokens": 7, "tokenizer": "Qwen/Qwen3-1.7B"},
        },
        "problems": {"path": "math.jsonl"},
        "prompt": {"user": "/think {question}"},
    }
