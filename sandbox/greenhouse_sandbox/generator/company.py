"""The organisation around the candidates: places, people, dictionaries."""

from .draft import Draft


def add_company(draft: Draft) -> None:
    _add_tree(draft, "offices")
    _add_tree(draft, "departments")
    for office in draft.rows["offices"]:
        office["location"] = draft.maybe(office["name"])
    _add_custom_fields(draft)
    _add_users(draft)
    for office in draft.rows["offices"][1:]:
        office["primary_in_house_contact_user_id"] = draft.id_of("users")
    _add_dictionaries(draft)
    _add_pools(draft)


def _add_tree(draft: Draft, name: str) -> None:
    """Rows that point to an earlier one of the same list, or to none."""
    for number, word in enumerate(draft.words[name]):
        rows = draft.rows.get(name, [])
        parent = draft.pick(rows)["id"] if rows and number % 4 else None
        draft.add(name, name=word, parent_id=parent, external_id=f"{name[:3].upper()}-{number}" if number % 3 else None)


def _add_users(draft: Draft) -> None:
    """The first user is an active Site Admin, the last one the integration's service account."""
    for number in range(12 + draft.size // 200):
        first, last = draft.word("first_names"), draft.word("last_names")
        addresses = [f"user{number}@example.com", f"user{number}.alias@example.com"][: 1 + (number % 5 == 0)]
        user = draft.add(
            "users",
            first_name=first,
            last_name=last,
            name=None if number % 7 == 3 else f"{first} {last}",
            primary_email=addresses[0],
            emails=[] if number % 6 == 2 else addresses,
            job_title=draft.maybe(draft.word("job_titles")),
            agency_id=draft.maybe(17, 0.1),
            deactivated=number % 5 == 4,
            site_admin=number % 10 == 0,
            employee_id=draft.maybe(f"EMP{number:05d}", 0.7),
            office_ids=draft.some([row["id"] for row in draft.rows["offices"]], 2),
            department_ids=draft.some([row["id"] for row in draft.rows["departments"]], 2),
            interviewer_tags=draft.some([{"id": 1, "name": "Panel"}, {"id": 2, "name": "Lead"}], 2),
            linked_candidate_ids=[4_000_000_001] if number == 1 else [],
            custom_fields=draft.custom_values("user_attribute"),
        )
        for position, address in enumerate(addresses):
            sent_at = draft.maybe(user["created_at"], 0.5)
            verified = position == 0
            draft.add(
                "user_emails",
                user_id=user["id"],
                email=address,
                verified=verified,
                verification_token_sent_at=sent_at,
            )
    draft.add("users", name="Integration", primary_email="", service_account=True)


def _add_custom_fields(draft: Draft) -> None:
    for number, declared in enumerate(draft.words["custom_fields"]):
        options = declared.get("options", [])
        columns = {name: value for name, value in declared.items() if name != "options"}
        field = draft.add("custom_fields", sort_order=number, **columns)
        field["description"] = draft.maybe(f"About {field['name'].lower()}", 0.5)
        for order, option in enumerate(options):
            draft.add(
                "custom_field_options",
                custom_field_id=field["id"],
                name=option,
                sort_order=order,
                external_id=draft.maybe(f"OPT-{number}-{order}", 0.3),
                active=order != 3,
            )
    for field in draft.rows["custom_fields"][:4]:
        draft.add("custom_field_departments", custom_field_id=field["id"], department_id=draft.id_of("departments"))
        draft.add("custom_field_offices", custom_field_id=field["id"], office_id=draft.id_of("offices"))


def _add_dictionaries(draft: Draft) -> None:
    for number, name in enumerate(draft.words["sources"]):
        strategies = draft.words["strategies"]
        kind = {"id": number % len(strategies) + 1, "name": strategies[number % len(strategies)]}
        draft.add("sources", name=name, type=kind)
    for reason in draft.words["rejection_reasons"]:
        draft.add("rejection_reasons", **reason)
    for name in draft.words["close_reasons"]:
        draft.add("close_reasons", name=name)
    for name in draft.words["tags"]:
        draft.add("candidate_tags", name=name)
    for user in draft.rows["users"][::2]:
        draft.add("referrers", user_id=user["id"], name=user["name"] or user["first_name"])
    for name in draft.words["agencies"]:
        draft.add("referrers", user_id=None, name=name)


def _add_pools(draft: Draft) -> None:
    for number, name in enumerate(draft.words["pools"]):
        pool = draft.add(
            "prospect_pools",
            name=name,
            active=number != 2,
            description=draft.maybe(f"People for {name.lower()}", 0.5),
            department_ids=[draft.id_of("departments")] if number % 2 else [],
            office_ids=[draft.id_of("offices")] if number == 1 else [],
        )
        for order, stage in enumerate(draft.words["pool_stages"]):
            draft.add("prospect_pool_stages", prospect_pool_id=pool["id"], name=stage, sort_order=order)
