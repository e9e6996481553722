"""agencies.yaml is read once, and what is wrong with it is one line; whose an account is, as it and the directory say."""

from datetime import date

import pytest
import yaml
from fixtures.service import AGENCIES_FILE
from prometheus_client import CollectorRegistry

from bmt.agencies import register
from bmt.agencies.register import AgenciesFileWrong, UnknownAgency, overdue_sampler

EVALUATION = register.read(AGENCIES_FILE)


def written(**changes):
    """The evaluation's rules, by agency, with these of MAMPU."""
    rules = yaml.safe_load(AGENCIES_FILE.read_text())
    rules["MAMPU"] |= changes
    return rules


def wrong(path) -> str:
    with pytest.raises(AgenciesFileWrong) as refused:
        register.read(path)
    return str(refused.value)


def test_the_evaluations_agencies_are_read():
    assert {agency.code for agency in EVALUATION} == {"MAMPU", "JPA", "KPM"}


def test_an_unknown_agency_is_refused_with_those_there_are():
    with pytest.raises(UnknownAgency) as refused:
        EVALUATION.get("LAMA")
    assert refused.value.errors[0].detail == "One of these agencies is needed: JPA, KPM, MAMPU."


def test_a_file_that_is_not_there_is_said_with_its_variable(tmp_path):
    path = tmp_path / "none.yaml"
    assert wrong(path) == (
        f"BMT_AGENCIES_FILE is wrong: {path} cannot be read: No such file or directory"
    )


@pytest.mark.parametrize("content", [b"", b"# MAMPU:\n", b"{}", b"null", b"[]"])
def test_a_file_without_an_agency_is_refused(tmp_path, content):
    path = tmp_path / "agencies.yaml"
    path.write_bytes(content)
    assert wrong(path) == f"BMT_AGENCIES_FILE is wrong: {path}: there is no agency in it"


@pytest.mark.parametrize("content", [b"MAMPU: {", b"\xff\xfe\xfd", b"[" * 5000])
def test_a_file_that_is_not_yaml_is_said_on_one_line(tmp_path, content):
    path = tmp_path / "agencies.yaml"
    path.write_bytes(content)
    assert wrong(path).startswith(f"BMT_AGENCIES_FILE is wrong: {path} is not YAML: ")
    assert "\n" not in wrong(path)


ACTING = {
    "officer": "siti.mampu@mygovuc.gov.my",
    "on_behalf_of": "Pengarah ICT",
    "from": date(2026, 11, 1),
    "until": date(2026, 11, 30),
}
OTHER = {**ACTING, "on_behalf_of": "Ketua Setiausaha"}
CHANGED = {"by": "Siti binti Ali", "on": date(2026, 11, 1), "why": "Arahan 7/2026"}
WEBHOOK = {
    "name": "payroll",
    "url": "https://payroll.example/bmt",
    "events": ["my.gov.bmt.Approved.v1"],
    "secret": "payroll",
}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("state", "atlantis", "MAMPU.state"),
        ("charter_working_days", {"decide": 0}, "MAMPU.charter_working_days.decide"),
        ("unknown", 1, "MAMPU.unknown"),
        ("quota_bytes", {"default": 2, "maximum": 1}, "(default) must not be above the maximum"),
        ("approval_levels", 0, "Permohonan perlu diluluskan oleh Pentadbir UC Agensi."),
        ("approval_levels", -1, "SOP 5.0"),
        ("approval_levels", 4, "MAMPU.approval_levels: Input should be less than or equal to 3"),
        ("approval_levels", True, "MAMPU.approval_levels"),
        ("acting", [{**ACTING, "until": date(2026, 10, 31)}], "MAMPU.acting.0.until: The last day"),
        ("acting", [ACTING, OTHER, ACTING], "MAMPU.acting: Entries 1 and 3 overlap"),
        ("acting", [{**ACTING, "from": 20261101}], "MAMPU.acting.0.from"),
        ("prepared_reasons", {"reject": ["x" * 301]}, "MAMPU.prepared_reasons.reject.0"),
        ("prepared_reasons", {"return": [" "]}, "MAMPU.prepared_reasons.return.0"),
        ("prepared_reasons", {"exception": ["x"] * 21}, "MAMPU.prepared_reasons.exception"),
        ("prepared_reasons", {"approve": ["x"]}, "MAMPU.prepared_reasons.approve"),
        ("closed_days", ["31-08-2026"], "MAMPU.closed_days.0"),
        (
            "separation",
            {"approver_may_configure": True, "registrar_may_approve": 3},
            "registrar",
        ),
        ("changed", {"by": "Siti", "on": date(2026, 11, 1)}, "MAMPU.changed.why"),
        ("webhooks", [WEBHOOK, WEBHOOK], "MAMPU.webhooks: Value error, each webhook needs a name"),
        ("webhooks", [{**WEBHOOK, "name": "Pay Roll"}], "MAMPU.webhooks.0.name"),
        ("webhooks", [{**WEBHOOK, "events": []}], "MAMPU.webhooks.0.events"),
        ("webhooks", [{**WEBHOOK, "events": ["Filed"]}], "allowed are my.gov.bmt.RequestReceived"),
        *(
            ("webhooks", [{**WEBHOOK, "url": url}], "MAMPU.webhooks.0.url")
            for url in (
                *("ftp://a.example/", "https://", "https://siti:rahsia@a.example/", "a.example"),
                *("https://a.example/?code=rahsia", "https://a.example/#x", "https://a.example /"),
                "https://a.example?code=rahsia",
            )
        ),
    ],
)
def test_a_wrong_rule_is_said_with_its_agency_and_field(tmp_path, field, value, says):
    path = tmp_path / "agencies.yaml"
    path.write_text(yaml.safe_dump(written(**{field: value})))
    assert says in wrong(path)


def version(**changes) -> str:
    return register.parse(written(**changes)).get("MAMPU").policy_version


def test_the_versions_of_the_evaluations_agencies_stay_what_they_were():
    before_accounts = {code: own | {"accounts": []} for code, own in written().items()}
    versions = {agency.policy_version for agency in register.parse(before_accounts)}
    assert versions == {"MAMPU-2aa8c9ffe60f", "JPA-da50f8dd50af", "KPM-28f3b46798c0"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("approval_levels", 1),
        ("acting", []),
        ("prepared_reasons", {}),
        ("prepared_reasons", {"reject": []}),
        ("closed_days", []),
        ("separation", {"approver_may_configure": True, "registrar_may_approve": True}),
        ("changed", CHANGED),
        ("record_retention_years", 10),
        ("office_email", "pejabat@mampu.gov.my"),
        ("escalation_email", "ketua@mampu.gov.my"),
        ("remind_working_days_before", 2),
        ("webhooks", [WEBHOOK]),
    ],
)
def test_what_says_nothing_new_of_deciding_makes_no_version(field, value):
    assert version(**{field: value}) == version()


def test_every_rule_that_is_set_makes_a_version_of_its_own():
    changes = [
        {},
        {"charter_working_days": {"decide": 4, "configure": 1, "notify": 1}},
        {"approval_levels": 2},
        {"approval_levels": 3},
        {"acting": [ACTING]},
        {"acting": [ACTING, OTHER]},
        {"prepared_reasons": {"reject": ["Tidak lengkap."]}},
        {"prepared_reasons": {"return": ["Tidak lengkap."]}},
        {"closed_days": [date(2026, 8, 31)]},
        {"separation": {"approver_may_configure": True, "registrar_may_approve": False}},
        *({"accounts": patterns} for patterns in ([], ["*.mampu@x.my"], ["*.mampu@y.my"])),
    ]
    assert len({version(**change) for change in changes}) == len(changes)


def test_closed_days_are_the_same_rule_in_whatever_order_they_are_written():
    days = [date(2026, 8, 31), date(2026, 1, 2), date(2026, 5, 1)]
    assert version(closed_days=days) == version(closed_days=[*reversed(days), days[0]])


SITI, LIM = "siti.mampu@mygovuc.gov.my", "lim.jpa@mygovuc.gov.my"


def agencies(**accounts):
    """The evaluation's, with these patterns by agency."""
    rules = written()
    for code, patterns in accounts.items():
        rules[code]["accounts"] = patterns
    return register.parse(rules)


@pytest.mark.parametrize(
    ("agency", "account", "named", "whose"),
    [
        ("MAMPU", SITI, (), "own"),
        ("MAMPU", SITI.upper(), (), "own"),
        ("MAMPU", LIM, (), "other"),
        ("MAMPU", "lim.jpa@mygovuc.gov.my.mampu@mygovuc.gov.my", (), "own"),
        ("MAMPU", "siti@mampu.gov.my", (), "unknown"),
        ("MAMPU", "siti@mampu.gov.my", ("MAMPU",), "own"),
        ("MAMPU", "siti@mampu.gov.my", ("JPA",), "other"),
        ("MAMPU", SITI, ("JPA",), "other"),
        ("JPA", SITI, ("JPA",), "other"),
        ("XYZ", SITI, (), "other"),
    ],
)
def test_an_account_is_who_claims_its_and_who_the_directory_names(agency, account, named, whose):
    assert EVALUATION.claims.belonging(agency, account, named) == whose


def test_an_account_that_is_written_out_is_decided_by_that_alone():
    moved = agencies(JPA=["*.jpa@mygovuc.gov.my", "Siti.Mampu@mygovuc.gov.my"]).claims
    assert moved.belonging("JPA", SITI) == "own"
    assert moved.belonging("JPA", SITI, ("MAMPU",)) == "own"
    assert moved.belonging("MAMPU", SITI, ("MAMPU",)) == "other"


def test_what_several_claim_is_everybodys_of_them():
    shared = agencies(MAMPU=["*"], JPA=["*"], KPM=[]).claims
    assert [shared.belonging(code, LIM) for code in ("MAMPU", "JPA", "KPM")] == [
        *("own", "own", "other")
    ]


def test_organisations_are_known_by_code_or_name_in_any_case():
    told = ("Kerajaan Malaysia", " jpa ", "kementerian pendidikan malaysia")
    assert EVALUATION.named(told) == {"JPA", "KPM"}


@pytest.mark.parametrize("pattern", ["", "siti ali", "[a-z]@x.my", "s?ti@x.my", 7])
def test_a_wrong_pattern_is_said_with_its_place(pattern):
    with pytest.raises(AgenciesFileWrong, match=r"MAMPU\.accounts\.0"):
        agencies(MAMPU=[pattern])


async def test_every_agency_has_a_figure_and_what_is_no_more_overdue_is_zero_again():
    registry, counts = CollectorRegistry(), {"JPA": 2, "LAMA": 1}

    async def count() -> dict[str, int]:
        return counts

    def figures() -> dict[str, float]:
        (metric,) = registry.collect()
        return {s.labels["agency"]: s.value for s in metric.samples if s.labels["step"] == "decide"}

    sample = overdue_sampler(registry, "decide", EVALUATION, count)
    await sample()
    assert figures() == {"JPA": 2, "LAMA": 1, "MAMPU": 0, "KPM": 0}
    counts.clear()
    await sample()
    assert figures() == {"JPA": 0, "MAMPU": 0, "KPM": 0}
