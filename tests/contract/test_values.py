"""Values at the borders: visible Unicode is kept byte for byte, what deceives is refused."""

import pytest
from pydantic import BaseModel, ValidationError

from bmt.contracts import values


class Form(BaseModel):
    name: values.Name = "x"
    justification: values.Justification = "x"
    email: values.EmailAddress = "a@b.my"
    account: values.Account = "a"
    size: values.Bytes = 1
    agency: values.AgencyCode = "MAMPU"
    document: values.DocumentId = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    "field",
    [
        {"name": "Nurul ‘Ain binti Abdullah"},
        {"name": "e\u0301 \u00e9 陳大文 ÅÄÖ 👩‍💻".replace("\u200d", "")},
        {"name": " leading and trailing "},
        {"name": "x" * 200},
        {"justification": "baris satu\nbaris dua\r\n\ttiga"},
        {"justification": "x" * 10_000},
        {"email": "siti.ali+bmt@mygovuc.gov.my"},
        {"account": "siti.mampu@mygovuc.gov.my"},
        {"size": 2**53 - 1},
    ],
)
def test_this_is_kept_as_it_is(field):
    ((name, value),) = field.items()
    assert getattr(Form(**field), name) == value


@pytest.mark.parametrize(
    "field",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 201},
        {"name": "Siti\nBcc: x"},
        {"name": "Siti\x00"},
        {"name": "Siti\u202eilA"},
        {"name": "Si\u200bti"},
        {"name": "\ufeffSiti"},
        {"name": 7},
        {"justification": "x" * 10_001},
        {"justification": "bell\x07"},
        {"justification": "\x85"},
        {"email": "a@b"},
        {"email": "a b@c.my"},
        {"email": "a@b.my\n"},
        {"email": "@b.my"},
        {"email": "a@" + "b" * 250 + ".my"},
        {"account": "../etc"},
        {"account": "siti/ali"},
        {"account": "siti ali"},
        {"account": ""},
        {"account": "x\n"},
        {"size": 0},
        {"size": -1},
        {"size": 2**53},
        {"size": 1.0},
        {"size": "10"},
        {"size": True},
        {"agency": "mampu"},
        {"agency": "MAMPU\n"},
        {"document": "sha256:" + "G" * 64},
        {"document": "sha256:" + "0" * 63},
    ],
)
def test_this_is_refused(field):
    with pytest.raises(ValidationError):
        Form(**field)
