"""Random people, places and dictionaries."""

from random import Random

from greenhouse_sandbox import Sandbox
from greenhouse_sandbox.catalog import RESOURCES

from .draft import Draft
from .hiring import add_applications, add_candidates, add_jobs
from .organisation import Row

STANDARD = ("school_name", "degree", "discipline")


def invent(sandbox: Sandbox, seed: int, size: int) -> Draft:
    """Replaces a sandbox's organisation by a random one."""
    for name in RESOURCES:
        for row in sandbox.rows(name):
            sandbox.delete(name, row["id"])
    draft = Draft(sandbox, Random(seed), size)
    _add_places(draft)
    _add_users(draft)
    _add_dictionaries(draft)
    fields = _add_fields(draft)
    add_jobs(draft, [field for field in fields if field["field_type"] == "job"])
    add_candidates(draft)
    add_applications(draft)
    return draft


def _add_places(draft: Draft) -> None:
    """Trees with gone parents, and a circle now and then."""
    for name in ("departments", "offices"):
        for number in draft.amount(draft.size):
            draft.add(
                name,
                name=draft.text(),
                parent_id=draft.link(name),
                external_id=draft.maybe(draft.random.choice((f"EXT-{number}", f"É {number}"))),
            )
        if draft.ids[name] and draft.chance(0.3):
            draft.sandbox.update(name, draft.ids[name][0], {"parent_id": draft.ids[name][-1]})
    for office in draft.ids["offices"]:
        contact = {"location": draft.maybe(draft.text()), "primary_in_house_contact_user_id": draft.maybe(77)}
        draft.sandbox.update("offices", office, contact)


def _add_users(draft: Draft) -> None:
    for number in draft.amount(draft.size):
        service = draft.chance(0.15)
        addresses = [] if service else [f"User{number}@Example.com", *_more_addresses(draft, number)]
        user = draft.add(
            "users",
            first_name=draft.name(),
            last_name=draft.name(),
            name=draft.name(),
            primary_email=addresses[0] if addresses else "",
            emails=draft.random.choice(([], addresses, addresses[::-1])),
            deactivated=draft.chance(0.3),
            site_admin=draft.chance(0.3),
            employee_id=draft.maybe(draft.random.choice(("E1", "e1", "E 2"))),
            linked_candidate_ids=draft.some([1, 10**16]),
            service_account=service,
        )
        for address in draft.random.sample(addresses, len(addresses)):
            draft.add("user_emails", user_id=user["id"], email=address, verified=draft.chance())


def _more_addresses(draft: Draft, number: int) -> list[str]:
    return draft.some([f"user{number}+a@example.com", f"USER{number}.B@example.com", f"u{number}@example.org"], 2)


def _add_dictionaries(draft: Draft) -> None:
    for _ in draft.amount(draft.size):
        draft.add("sources", name=draft.text(), type={"id": draft.random.randrange(9), "name": draft.text()})
        draft.add("close_reasons", name=draft.text())
        draft.add("referrers", name=draft.text(), user_id=draft.link("users"))
        draft.add(
            "rejection_reasons",
            name=draft.text(),
            type={"id": draft.random.randrange(9), "key": "NONE_SPECIFIED", "name": draft.text()},
            built_in=draft.chance(),
        )
        draft.add("prospect_pools", name=draft.text(), active=draft.chance())
        draft.add("prospect_pool_stages", name=draft.text(), prospect_pool_id=draft.id_of("prospect_pools"))


def _add_fields(draft: Draft) -> list[Row]:
    """Custom fields; each field comes with its options."""
    kinds = ["candidate", "candidate", "job", "job", "offer", "application", "rejection_question", "form"]
    fields = []
    for number, kind in enumerate([*draft.some(kinds, len(kinds)), *STANDARD]):
        standard = kind in STANDARD
        field = draft.add(
            "custom_fields",
            field_type="standard" if standard else kind,
            name=draft.text(),
            name_key=kind if standard else f"key_{number}",
            value_type=draft.random.choice(("single_select", "multi_select", "short_text")),
            sort_order=draft.random.randrange(4),
            active=draft.random.choice((True, True, True, False, None)),
            private=draft.chance(),
            required=draft.chance(),
            description=draft.maybe(draft.text()),
            api_only=draft.random.choice((None, True, False)),
            template_token_string=draft.maybe("{{TOKEN}}"),
        )
        field["options"] = [_add_option(draft, field["id"])["name"] for _ in draft.amount(4)]
        fields.append(field)
    return fields


def _add_option(draft: Draft, field_id: int) -> Row:
    return draft.add(
        "custom_field_options",
        custom_field_id=field_id,
        name=draft.text(),
        external_id=draft.maybe(draft.text()),
        sort_order=draft.random.randrange(3),
        active=draft.chance(0.7),
    )
