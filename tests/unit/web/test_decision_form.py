"""The form of a decision: what was typed becomes a ruling, or each field's fault is told and nothing is lost."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.datastructures import FormData

from bmt.contracts.http.approval import Ruling
from bmt.contracts.values import LARGEST_EXACT_INTEGER, in_gigabytes, size_in_bytes
from web.console.forms import DecisionForm
from web.forms import FormWrong, SubmittedForm


def form(**typed):
    return DecisionForm.of(SubmittedForm(FormData(typed), "key-1"))


def test_what_was_typed_is_a_ruling_in_bytes():
    typed = form(
        decision="approve",
        quota_bytes="2,5",
        max_file_size_bytes="1",
        exception_reason=" Disahkan. ",
    )
    assert typed.ruling() == Ruling(
        decision="approve",
        quota_bytes=2_500_000_000,
        max_file_size_bytes=1_000_000_000,
        exception_reason="Disahkan.",
    )


def test_what_belongs_to_an_approval_is_left_out_of_a_return():
    typed = form(decision="return", reason="Lampirkan.", quota_bytes="10", exception_reason="x")
    assert typed.ruling() == Ruling(decision="return", reason="Lampirkan.")


def test_an_approval_has_no_reason_that_was_prepared_against_it():
    typed = form(decision="approve", prepared_reason="Tidak layak.", reason="Baik.")
    assert typed.ruling().reason == "Baik."
    assert typed.value("prepared_reason") == "Tidak layak."


@pytest.mark.parametrize(
    ("typed", "pointers"),
    [
        ({}, ["/decision"]),
        ({"decision": "forget"}, ["/decision"]),
        (
            {"decision": "approve", "quota_bytes": "banyak", "max_file_size_bytes": "-1"},
            ["/quota_bytes", "/max_file_size_bytes"],
        ),
        (
            {"decision": "approve", "quota_bytes": "0", "reason": "a\0b"},
            ["/reason", "/quota_bytes"],
        ),
    ],
)
def test_every_fault_is_told_at_once_and_what_was_typed_stays(typed, pointers):
    wrong = form(**typed)
    with pytest.raises(FormWrong) as refused:
        wrong.ruling()
    assert sorted(fault.pointer for fault in refused.value.errors) == sorted(pointers)
    assert all(wrong.value(name) == value for name, value in typed.items())


@given(st.integers(1, LARGEST_EXACT_INTEGER))
@example(1_234_000_000)
def test_a_size_is_the_same_whoever_writes_it(size):
    assert size_in_bytes(in_gigabytes(size), unit="gb") == size


@pytest.mark.parametrize(
    "typed",
    ["", " ", ".", ",5", "1.2.3", "1e9", "+1", "١", "0x10", "1" * 10, "0." + "1" * 10, "1.500"],
)
def test_what_is_no_size_is_none(typed):
    assert size_in_bytes(typed, unit="gb") is None
